import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { eachOrganization } from "#shared/access/each-organization.ts";
import { orgKeyOf } from "#shared/access/org-slug.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import { plans } from "#shared/plans/plans.ts";
import { effectiveSubscription, type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { emptyQuota, type QuotaDocument, rolled } from "./quota.ts";
import { quotaHistoryRow } from "./quota-history.ts";
import { quotaPath } from "./reserve.ts";

const count = Type.Integer({ minimum: 0 });

export const UpkeepReport = strictObject({
  success: Type.Boolean(),
  orgs_processed: count,
  orgs_created: count,
  orgs_skipped: count,
  message: Type.String(),
});
export type UpkeepReport = Static<typeof UpkeepReport>;

type Outcome = "processed" | "created" | "skipped";

/**
 * Makes durable what every read decides anyway: a due roll of day and month, the removal of dead slots. Kept for older
 * schedulers: it never lowers a counter of the current period and never ends a live slot, whenever and however often it
 * is called; `only` for the organization of that slug (`ORG_NOT_FOUND`). One transaction per organization. Source: `organizations.md` 6.
 */
export async function keepQuotas(
  effects: Effects<UpkeepReport>,
  { documents }: { documents: Documents },
  only?: string,
): Promise<UpkeepReport> {
  const counts: Record<Outcome, number> = { processed: 0, created: 0, skipped: 0 };
  const pages = only === undefined ? eachOrganization(documents) : [[await activeOrganization(only, documents)]];
  for await (const orgs of pages)
    for (const org of orgs) counts[await effects.commit((change) => keepQuota(org, change))] += 1;
  const report: UpkeepReport = {
    success: true,
    orgs_processed: counts.processed,
    orgs_created: counts.created,
    orgs_skipped: counts.skipped,
    message: "Counters of a period that is over and dead slots are gone; nothing current was touched.",
  };
  return effects.commit(async (change) => {
    await effects.prepare(change);
    effects.conclude(change, report, { details: { ...counts } });
    return report;
  });
}

async function keepQuota(org: OrgIdentity, change: Change): Promise<Outcome> {
  const [stored, subscription] = await change.getAll<object>([quotaPath(org), subscriptionPath(org)]);
  const before = stored?.body as QuotaDocument | undefined;
  const now = stored?.readAt ?? change.now;
  const next = rolled(before ?? emptyQuota(now), now);
  if (before !== undefined && isSame(before, next)) return "skipped";
  const effective = effectiveSubscription(subscription?.body as SubscriptionDocument | undefined, await plans(), now);
  change.set<QuotaDocument>(quotaPath(org), next);
  change.history(quotaHistoryRow(org, next, effective.limits, { version: (stored?.version ?? 0) + 1, now }));
  return before === undefined ? "created" : "processed";
}

/** Rolling changes the period or removes slots; it touches nothing else. */
function isSame(before: QuotaDocument, next: QuotaDocument): boolean {
  const slots = ({ running }: QuotaDocument): number => Object.keys(running).length;
  return before.day === next.day && before.month === next.month && slots(before) === slots(next);
}

async function activeOrganization(slug: string, documents: Documents): Promise<OrgIdentity> {
  const key = orgKeyOf(slug);
  const body = key === undefined ? undefined : (await documents.get<OrgDocument>(`orgs/${key}`)).body;
  if (key === undefined || body?.state !== "ACTIVE")
    throw new AppError("ORG_NOT_FOUND", "There is no such organization.");
  return { slug: body.slug, key, orgId: body.orgId };
}
