import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { PlanLimits } from "#shared/plans/plans.ts";
import type { Change } from "#shared/runtime/change.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import { monthOfInstant, type QuotaDocument, type WarnedLimit } from "./quota.ts";
import { seatsOf } from "./seats.ts";
import { dueWarning, percentOf, type Use } from "./warnings.ts";

const count = Type.Integer({ minimum: 0 });

/** Payload of topic `quota-warning`: a limit has come to 80, 90 or 100 % for the first time in its period. */
export const QuotaWarning = strictObject({
  org: Type.String({ pattern: "^[a-z0-9_]{3,50}$", description: "Key of the organization" }),
  limit: choice(["daily", "monthly", "seats", "providers"] satisfies WarnedLimit[]),
  period: Type.String({
    pattern: "^\\d{4}-\\d{2}(-\\d{2})?$",
    description: "UTC day of the daily limit, UTC month of the others",
  }),
  level: count,
  used: count,
  limit_value: count,
  percent: Type.Number({ minimum: 0 }),
});
export type QuotaWarning = Static<typeof QuotaWarning>;

export const quotaWarningTopic = "quota-warning";

/** What the day and the month have come to: both take their unit with a run. */
export function runUses(quota: QuotaDocument, limits: Pick<PlanLimits, "daily" | "monthly">): Use[] {
  return [
    { limit: "daily", period: quota.day, used: quota.dayRuns, limitValue: limits.daily },
    { limit: "monthly", period: quota.month, used: quota.monthRuns, limitValue: limits.monthly },
  ];
}

export function seatUse(quota: QuotaDocument, limits: Pick<PlanLimits, "seats">, now: Date): Use {
  return { limit: "seats", period: monthOfInstant(now), used: seatsOf(quota, now).used, limitValue: limits.seats };
}

export function providerUse(providers: number, limits: Pick<PlanLimits, "providers">, now: Date): Use {
  return { limit: "providers", period: monthOfInstant(now), used: providers, limitValue: limits.providers };
}

/**
 * Sends the warnings that are due, one message per limit, and answers the document that remembers them; the caller
 * writes it in the same transaction, so each is sent once per period and level. Source: `organizations.md` 6.
 */
export function withWarnings(
  org: OrgIdentity,
  quota: QuotaDocument,
  uses: readonly Use[],
  change: Change,
): QuotaDocument {
  return uses.reduce((remembered, use) => {
    const due = dueWarning(remembered, use);
    const { limitValue } = use;
    if (due === undefined || limitValue === null) return remembered;
    const { limit, period, used } = use;
    const percent = percentOf(used, limitValue) ?? 100;
    const payload: QuotaWarning = {
      org: org.key,
      limit,
      period,
      level: due.level,
      used,
      limit_value: limitValue,
      percent,
    };
    change.publish({ topic: quotaWarningTopic, payload, attributes: { org: org.key } }, org);
    return due.quota;
  }, quota);
}
