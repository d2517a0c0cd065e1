import type { DayState, Finding, Pulled, Row } from "#shared/providers/provider.ts";
import { cycleCost } from "#shared/saas-plans/amortisation.ts";
import { chargeRows } from "#shared/saas-plans/charge-rows.ts";
import { type ChargedVersion, isLive } from "#shared/saas-plans/plan.ts";
import { chargedLines } from "#shared/saas-plans/plan-store.ts";
import { addDays, daysOf } from "./range.ts";
import type { RunSession } from "./session.ts";

const dailyTable = "saas_costs_daily";
const costTable = "cost_data_standard";

/** So many days at a time: rows of many plans over a whole year would not fit into one process. */
const daysAtOnce = 92;

/**
 * The step `saas.costs`: the plans of the organization as they stand now, spread over the run's days. Days on which
 * nothing is charged are published empty; days after today are not part of any run. `from` is where the last slice ended.
 * Source: `prices-and-plans.md` C5, C6.
 */
export async function saasStep(from: unknown, { claim, ports }: RunSession): Promise<Pulled> {
  const { org, range } = claim.run;
  const start = typeof from === "string" ? from : range.start;
  const last = addDays(start, daysAtOnce - 1);
  const end = last < range.end ? last : range.end;
  const lines = await chargedLines(org, ports.documents);
  const rows: Record<string, Row[]> = { [dailyTable]: [], [costTable]: [] };
  for (const { versions, provider } of lines) {
    const own = chargeRows(versions, provider, { from: start, to: end });
    for (const row of own.saas_costs_daily) rows[dailyTable]?.push(row);
    for (const row of own.cost_data_standard) rows[costTable]?.push(row);
  }
  const charged = new Set((rows[costTable] ?? []).map((row) => String(row["x_charge_date"])));
  const stateOf = (day: string): DayState => (charged.has(day) ? "complete" : "empty");
  return {
    rows,
    days: Object.fromEntries(daysOf({ start, end }).map((day) => [day, stateOf(day)])),
    findings: lines.flatMap(({ versions }) => unpricedOf(versions, { start, end })),
    warnings: [],
    ...(end < range.end ? { next: addDays(end, 1) } : {}),
  };
}

/** Plans that charge in these days at a price nobody knows: never 0, always named. */
function unpricedOf(versions: readonly ChargedVersion[], range: { start: string; end: string }): Finding[] {
  return versions
    .filter((version) => {
      const isInForce = version.startDate <= range.end && (version.endDate === null || version.endDate >= range.start);
      return isInForce && isLive(version) && version.costSource === "manual" && cycleCost(version) === undefined;
    })
    .map(({ provider, planName, subscriptionId }) => ({
      code: "unpriced",
      path: `${provider}/${planName}`,
      count: 1,
      first: subscriptionId,
    }));
}
