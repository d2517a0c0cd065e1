import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { amountText, sumAmounts } from "#shared/money/amount.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { chargedDays, cycleCost } from "./amortisation.ts";
import { dayOfMonth, daysFrom, firstPlanDay, lastPlanDay, monthNumber, utcDay } from "./plan-days.ts";
import { day } from "./plan-fields.ts";
import { lineOfVersion, type PlanReadPorts } from "./plans-read.ts";
import { chainOf } from "./versions.ts";

export const DailyCostsQuery = strictObject({
  start_date: Type.Optional(day({ description: "First UTC day; the first of the month" })),
  end_date: Type.Optional(day({ description: "Last UTC day, also one to come; the last of the first day's month" })),
});
type DailyCostsQuery = Static<typeof DailyCostsQuery>;

export const DailyCosts = strictObject({
  subscription_id: Type.String(),
  currency: Type.String(),
  days: Type.Array(
    strictObject({
      day: Type.String(),
      cost: Type.String(),
      version: Type.Integer(),
      cycle_start: Type.String(),
      cycle_days: Type.Integer(),
    }),
  ),
  total: Type.String(),
  unpriced: Type.Array(Type.Integer({ description: "Versions whose price nobody knows: their days are not here" })),
});
export type DailyCosts = Static<typeof DailyCosts>;

const longestRange = 1100;

/** What the line of a version costs day by day, in days to come too; writes nothing. Source: `prices-and-plans.md` C5. */
export async function dailyCosts(
  asked: { org: OrgIdentity; provider: string; subscriptionId: string; query: DailyCostsQuery },
  given: PlanReadPorts,
): Promise<DailyCosts> {
  const today = utcDay(given.clock.now());
  const from = asked.query.start_date ?? dayOfMonth(monthNumber(today), 1);
  const to = asked.query.end_date ?? dayOfMonth(monthNumber(from), 31);
  refuseRange(from, to, today);
  const { versions } = await lineOfVersion(asked, given.documents);
  const chain = chainOf(versions).filter(({ startDate, endDate }) => startDate <= to && (endDate ?? to) >= from);
  const own = versions.find(({ subscriptionId }) => subscriptionId === asked.subscriptionId);
  const currency = own?.currency ?? "";
  if (chain.some((version) => version.currency !== currency))
    throw new AppError("INVALID_PARAMETER", "The plan changes its currency in these days: ask for fewer.", {
      fields: [{ path: "/start_date", problem: "reaches into another currency" }],
    });
  const days = chain.flatMap((version) =>
    chargedDays(version, from, to).map((each) => ({ ...each, version: version.version })),
  );
  return {
    subscription_id: asked.subscriptionId,
    currency,
    days: days.map(({ day: date, cost, version, cycle }) => ({
      ...{ day: date, cost: amountText(cost), version, cycle_start: cycle.start, cycle_days: cycle.days },
    })),
    total: amountText(sumAmounts(days.map(({ cost }) => cost))),
    unpriced: chain.filter((version) => cycleCost(version) === undefined).map(({ version }) => version),
  };
}

function refuseRange(from: string, to: string, today: string): void {
  const last = lastPlanDay(today);
  const wrong = Object.entries({ start_date: from, end_date: to }).filter(
    ([, value]) => value < firstPlanDay || value > last,
  );
  if (wrong.length > 0)
    throw new AppError("INVALID_DATE", `Days lie between ${firstPlanDay} and ${last}.`, {
      fields: wrong.map(([name]) => ({ path: `/${name}`, problem: `must be a day from ${firstPlanDay} to ${last}` })),
    });
  if (from > to) throw new AppError("INVALID_DATE_RANGE", "start_date is after end_date.");
  if (daysFrom(from, to) + 1 > longestRange)
    throw new AppError("RANGE_TOO_LONG", `At most ${longestRange} days can be asked for.`);
}
