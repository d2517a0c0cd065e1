import type { DayPricing, UnpricedUsage } from "#shared/ledger/ledger.ts";
import type { DayState, Finding, Pulled, Row } from "#shared/providers/provider.ts";
import { cycleCost } from "#shared/saas-plans/amortisation.ts";
import { chargeRows } from "#shared/saas-plans/charge-rows.ts";
import { type ChargedVersion, isLive } from "#shared/saas-plans/plan.ts";
import { chargedLines } from "#shared/saas-plans/plan-store.ts";
import { addDays, type DayRange, daysOf } from "./range.ts";
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
export async function saasStep(
  from: unknown,
  { claim, ports }: RunSession,
): Promise<Pulled & { pricing: Record<string, DayPricing> }> {
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
    findings: unpricedOf(lines.flatMap(unpricedVersions), { start, end }),
    warnings: [],
    pricing: unpricedByDay(lines.flatMap(unpricedVersions), { start, end }),
    ...(end < range.end ? { next: addDays(end, 1) } : {}),
  };
}

/** Versions that charge at a price nobody knows: never 0, always named. */
function unpricedVersions({ versions }: { versions: readonly ChargedVersion[] }): ChargedVersion[] {
  return versions.filter(
    (version) => isLive(version) && version.costSource === "manual" && cycleCost(version) === undefined,
  );
}

function isInForce({ startDate, endDate }: ChargedVersion, { start, end }: DayRange): boolean {
  return startDate <= end && (endDate === null || endDate >= start);
}

function unpricedOf(versions: readonly ChargedVersion[], range: DayRange): Finding[] {
  return versions
    .filter((version) => isInForce(version, range))
    .map(({ provider, planName, subscriptionId }) => ({
      code: "unpriced",
      path: `${provider}/${planName}`,
      count: 1,
      first: subscriptionId,
    }));
}

/** What no charge stands for, by day, as the ledger keeps it beside the day's totals. */
function unpricedByDay(versions: readonly ChargedVersion[], range: DayRange): Record<string, DayPricing> {
  const days = daysOf(range).flatMap((day) => {
    const own = versions.filter((version) => isInForce(version, { start: day, end: day }));
    return own.length === 0 ? [] : [[day, { unpriced: own.map(unpricedPlan) }] as const];
  });
  return Object.fromEntries(days);
}

function unpricedPlan({ provider, planName, pricingModel, seats }: ChargedVersion): UnpricedUsage {
  const isPerSeat = pricingModel === "PER_SEAT";
  const meters: Record<string, string> = isPerSeat ? { seat_days: String(seats) } : { subscription_days: "1" };
  return { category: "saas", provider, model: planName, rows: 1, requests: 0, tokens: "0", meters };
}
