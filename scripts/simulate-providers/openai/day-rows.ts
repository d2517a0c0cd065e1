import { behaviourOf } from "../behaviour.ts";
import { adjustCharges, monthlyCredit } from "../charges.ts";
import { formatDay } from "../days.ts";
import { parseDecimal } from "../decimal.ts";
import golden from "../openai-golden.json" with { type: "json" };
import catalogue from "../openai-models.json" with { type: "json" };
import type { Simulation } from "../simulation.ts";
import { meterUsage } from "./meter-usage.ts";
import { projectsOf } from "./organization.ts";
import type { CostRow, DayRows } from "./rows.ts";
import { tokenUsage } from "./token-usage.ts";

/** All usage and charges of an account on a UTC day number, as far as the simulator's clock shows them; the finest rows there are. */
export function dayRows(simulation: Simulation, account: string, day: number): DayRows {
  const { usage, costs } = publishedRows(simulation, account, day);
  const adjusted = adjustCharges(costs, simulation.adjustmentsOf("openai", account, day), {
    lineItemOf: (row) => row.dimensions.line_item,
    fresh: (lineItem, amount) => chargeWithoutQuantity(lineItem, amount, amount < 0n ? "credit" : "adjustment"),
  });
  return { usage, costs: adjusted };
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

/** The month's credit belongs to no project. */
function creditOf(simulation: Simulation, account: string, day: number): CostRow[] {
  const { line_item, cents } = catalogue.credit;
  const amount = monthlyCredit({ simulation, provider: "openai", account, day }, cents);
  return amount === undefined ? [] : [chargeWithoutQuantity(line_item, amount, "credit")];
}

function chargeWithoutQuantity(lineItem: string, amount: bigint, kind: CostRow["kind"]): CostRow {
  const dimensions = { project_id: null, api_key_id: null, line_item: lineItem };
  return { dimensions, amount, quantity: null, quantityUnit: null, isListed: false, kind };
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
