import { formatDay } from "../days.ts";
import { one, parseDecimal } from "../decimal.ts";
import { draw, pick } from "../draw.ts";
import golden from "../openai-golden.json" with { type: "json" };
import catalogue from "../openai-models.json" with { type: "json" };
import type { Adjustment, Simulation } from "../simulation.ts";
import { behaviourOf } from "./accounts.ts";
import { meterUsage } from "./meter-usage.ts";
import { projectsOf } from "./organization.ts";
import type { CostRow, DayRows } from "./rows.ts";
import { tokenUsage } from "./token-usage.ts";

const cent = one / 100n;

/** All usage and charges of an account on a UTC day number, as far as the simulator's clock shows them; the finest rows there are. */
export function dayRows(simulation: Simulation, account: string, day: number): DayRows {
  const { usage, costs } = publishedRows(simulation, account, day);
  return { usage, costs: adjusted(costs, simulation.adjustmentsOf("openai", account, day)) };
}

function publishedRows(simulation: Simulation, account: string, day: number): DayRows {
  const behaviour = behaviourOf(account);
  if (behaviour === "golden") return formatDay(day) === golden.day ? goldenRows() : { usage: [], costs: [] };
  if (behaviour === "empty" || simulation.visiblePercent(day) === 0n) return { usage: [], costs: [] };
  const parts = projectsOf(account).flatMap((project) => {
    const place = { simulation, account, day, project };
    return [
      ...project.keys.flatMap((key) => [tokenUsage({ ...place, key }), meterUsage({ ...place, key })]),
      meterUsage({ ...place, key: undefined }),
    ];
  });
  return {
    usage: parts.flatMap((part) => part.usage),
    costs: [...parts.flatMap((part) => part.costs), ...creditOf(simulation, account, day)],
  };
}

/** One credit a month, on a day from the 1st to the 28th; it belongs to no project and is never late. */
function creditOf(simulation: Simulation, account: string, day: number): CostRow[] {
  const [month, dayOfMonth] = [formatDay(day).slice(0, 7), formatDay(day).slice(8)];
  const [forDay, forAmount] = draw(simulation.seed, "openai", account, month, "credit");
  if (pick(forDay, [1, 28]) !== BigInt(dayOfMonth)) return [];
  const { line_item, cents } = catalogue.credit;
  const amount = -pick(forAmount, [cents[0] ?? 0, cents[1] ?? 0]) * cent;
  return [chargeWithoutQuantity(line_item, amount, "credit")];
}

function chargeWithoutQuantity(lineItem: string, amount: bigint, kind: CostRow["kind"]): CostRow {
  const dimensions = { project_id: null, api_key_id: null, line_item: lineItem };
  return { dimensions, amount, quantity: null, quantityUnit: null, isListed: false, kind };
}

/** Puts each late correction on the first charge of its line item, or, where the day has none, on a charge of its own. */
function adjusted(costs: CostRow[], adjustments: Adjustment[]): CostRow[] {
  const result = [...costs];
  for (const { lineItem, delta } of adjustments) {
    const index = result.findIndex((row) => row.dimensions.line_item === lineItem);
    const row = result[index];
    if (row === undefined) result.push(chargeWithoutQuantity(lineItem, delta, delta < 0n ? "credit" : "adjustment"));
    else result[index] = { ...row, amount: row.amount + delta };
  }
  return result;
}

function goldenRows(): DayRows {
  const owner = { project_id: golden.project.id, api_key_id: golden.key.id };
  const usage = golden.usage.map((row) => ({
    endpoint: row.endpoint,
    dimensions: { ...owner, user_id: "user-golden", ...row.dimensions },
    counts: Object.fromEntries(Object.entries(row.counts).map(([name, count]) => [name, BigInt(count)])),
  }));
  const costs = golden.costs.map(({ line_item, amount, quantity, quantity_unit }): CostRow => {
    const value = parseDecimal(amount);
    return {
      dimensions: { ...owner, line_item },
      amount: value,
      quantity: quantity === null ? null : parseDecimal(quantity),
      quantityUnit: quantity_unit,
      isListed: value >= 0n,
      kind: value < 0n ? "credit" : "usage",
    };
  });
  return { usage, costs };
}
