import { formatDay } from "./days.ts";
import { one } from "./decimal.ts";
import { draw, pick } from "./draw.ts";
import type { Adjustment, Simulation } from "./simulation.ts";

const cent = one / 100n;

interface Books {
  readonly simulation: Simulation;
  readonly provider: string;
  readonly account: string;
  readonly day: number;
}

/**
 * The negative amount (10^-12 of the currency) of the credit that every account gets once a month, on a day from the 1st to the
 * 28th; undefined on all other days. It is never late.
 */
export function monthlyCredit(
  { simulation, provider, account, day }: Books,
  [low = 0, high = 0]: readonly number[],
): bigint | undefined {
  const [month, dayOfMonth] = [formatDay(day).slice(0, 7), formatDay(day).slice(8)];
  const [forDay, forAmount] = draw(simulation.seed, provider, account, month, "credit");
  if (pick(forDay, [1, 28]) !== BigInt(dayOfMonth)) return undefined;
  return -pick(forAmount, [low, high]) * cent;
}

/** Puts each late correction on the first charge of its line item, or, where the day has none, on a charge of its own. */
export function adjustCharges<Row extends { readonly amount: bigint }>(
  costs: readonly Row[],
  adjustments: readonly Adjustment[],
  { lineItemOf, fresh }: { lineItemOf(row: Row): string; fresh(lineItem: string, amount: bigint): Row },
): Row[] {
  const result = [...costs];
  for (const { lineItem, delta } of adjustments) {
    const index = result.findIndex((row) => lineItemOf(row) === lineItem);
    const row = result[index];
    if (row === undefined) result.push(fresh(lineItem, delta));
    else result[index] = { ...row, amount: row.amount + delta };
  }
  return result;
}
