import { unitsOfDay } from "../activity.ts";
import golden from "../anthropic-golden.json" with { type: "json" };
import catalogue from "../anthropic-models.json" with { type: "json" };
import { behaviourOf } from "../behaviour.ts";
import { adjustCharges, monthlyCredit } from "../charges.ts";
import { formatDay } from "../days.ts";
import { parseDecimal } from "../decimal.ts";
import { draw } from "../draw.ts";
import type { Simulation } from "../simulation.ts";
import { type Workspace, workspacesOf } from "./organization.ts";
import type { CostRow, DayRows } from "./rows.ts";
import { tokenUsage } from "./token-usage.ts";

/** All usage and charges of an account on a UTC day number, as far as the simulator's clock shows them; the finest rows there are. */
export function dayRows(simulation: Simulation, account: string, day: number): DayRows {
  const { usage, costs } = publishedRows(simulation, account, day);
  const adjusted = adjustCharges(costs, simulation.adjustmentsOf("anthropic", account, day), {
    lineItemOf: (row) => row.dimensions.description,
    fresh: looseCharge,
  });
  return { usage, costs: adjusted };
}

function publishedRows(simulation: Simulation, account: string, day: number): DayRows {
  const behaviour = behaviourOf(account);
  if (behaviour === "golden") return formatDay(day) === golden.day ? goldenRows() : { usage: [], costs: [] };
  if (behaviour === "empty" || simulation.visiblePercent(day) === 0n) return { usage: [], costs: [] };
  const workspaces = workspacesOf(account).filter(({ percent }) => percent > 0n);
  const parts = workspaces.flatMap((workspace) =>
    workspace.keys.map((key) => tokenUsage({ simulation, account, day, workspace, key })),
  );
  const sessions = workspaces.flatMap((workspace) => codeExecution(simulation, account, day, workspace));
  const credit = monthlyCredit({ simulation, provider: "anthropic", account, day }, catalogue.credit.cents);
  return {
    usage: parts.flatMap((part) => part.usage),
    costs: [
      ...parts.flatMap((part) => part.costs),
      ...sessions,
      ...(credit === undefined ? [] : [looseCharge(catalogue.credit.description, credit)]),
    ],
  };
}

/** Hours of code execution: money without any usage (reference/anthropic.md), so it is in the scenario `wide` only. */
function codeExecution(simulation: Simulation, account: string, day: number, workspace: Workspace): CostRow[] {
  if (simulation.scenario !== "wide") return [];
  const { description, unit_price, daily_hours } = catalogue.code_execution;
  const [bits] = draw(simulation.seed, "anthropic", account, day, workspace.name, "code_execution");
  const hours = unitsOfDay({ day, base: daily_hours, percents: [workspace.percent] }, bits);
  const visible = (hours * simulation.visiblePercent(day)) / 100n;
  if (visible === 0n) return [];
  const dimensions = { workspace_id: workspace.id, description, cost_type: "code_execution" };
  return [{ dimensions, amount: visible * parseDecimal(unit_price), cause: "usage_missing" }];
}

/** A credit or correction that belongs to no workspace and fits none of the vendor's cost types. */
function looseCharge(description: string, amount: bigint): CostRow {
  const cause = amount < 0n ? "credit_adjustment" : "usage_missing";
  return { dimensions: { workspace_id: null, description, cost_type: null }, amount, cause };
}

function goldenRows(): DayRows {
  const workspace_id = golden.workspace.id;
  const usage = golden.usage.map(({ dimensions, counts }) => ({
    dimensions: { workspace_id, api_key_id: golden.key.id, account_id: "user_01golden", ...dimensions },
    counts: Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, BigInt(count)])),
  }));
  const costs = golden.costs.map(({ token_type, cents, description }): CostRow => {
    const { model = null, service_tier = null, context_window = null } = golden.usage[0]?.dimensions ?? {};
    const tokenDimensions = { cost_type: "tokens", model, token_type, service_tier, context_window };
    const dimensions = token_type === null ? { cost_type: "web_search" } : tokenDimensions;
    return {
      dimensions: { workspace_id, description, ...dimensions },
      amount: parseDecimal(cents) / 100n,
      cause: null,
    };
  });
  return { usage, costs };
}
