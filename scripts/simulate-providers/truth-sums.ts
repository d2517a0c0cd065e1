import { formatDecimal } from "./decimal.ts";
import type { JsonObject } from "./json.ts";
import type { Adjustment } from "./simulation.ts";

interface Money {
  /** 10^-12 of the currency. */
  readonly amount: bigint;
}

/** Exact sums per key as `{[name]: key, amount}`, in the order of the keys. */
export function moneyBy<Row extends Money>(
  costs: readonly Row[],
  key: (row: Row) => string | null,
  name: string,
): JsonObject[] {
  const sums = new Map<string | null, bigint>();
  for (const row of costs) sums.set(key(row), (sums.get(key(row)) ?? 0n) + row.amount);
  const sorted = [...sums.entries()].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  return sorted.map(([value, sum]) => ({ [name]: value, amount: formatDecimal(sum) }));
}

/**
 * Why reported money differs from usage x list price (names of providers.md 4.2); the amounts add up to reported - computed.
 * A correction of a charge that has no cause of its own has no usage behind it and is `unexplained`.
 */
export function causesOf<Row extends Money>(
  costs: readonly Row[],
  adjustments: readonly Adjustment[],
  { lineItemOf, causeOf }: { lineItemOf(row: Row): string; causeOf(row: Row): string | null },
): JsonObject[] {
  const causes = costs.flatMap((row) => {
    const cause = causeOf(row);
    return cause === null ? [] : [{ cause, amount: row.amount }];
  });
  for (const { lineItem, delta } of adjustments) {
    const row = costs.find((one) => lineItemOf(one) === lineItem);
    if (row !== undefined && causeOf(row) === null) causes.push({ cause: "unexplained", amount: delta });
  }
  return moneyBy(causes, ({ cause }) => cause, "cause");
}
