import type { OrgIdentity } from "#shared/access/caller.ts";
import { revokeEveryKey } from "#shared/api-keys/revoke.ts";
import { applySubscription, readSubscription } from "#shared/billing/apply-subscription.ts";
import { removeEveryIntegration } from "#shared/integrations/remove-all.ts";
import { mailMessage } from "#shared/mail/mail-message.ts";
import { endEveryInvite } from "#shared/members/end-invites.ts";
import { type Informed, informedOf } from "#shared/members/informed.ts";
import { purgeTimer } from "#shared/organizations/founding.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { profileHistory } from "#shared/organizations/organization-history.ts";
import { readOrganization } from "#shared/organizations/organization-store.ts";
import { cancelRuns, readOpenRuns } from "#shared/pipelines/cancel-open-runs.ts";
import { type PlanLimits, plans } from "#shared/plans/plans.ts";
import { effectiveSubscription, type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import { emptyQuota, type QuotaDocument, rolled } from "#shared/quotas/quota.ts";
import { quotaHistoryRow } from "#shared/quotas/quota-history.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { removeEverySchedule } from "#shared/schedules/remove-all.ts";
import { setOrgTimer, timerPath } from "#shared/timers/timers.ts";

const purgeMilliseconds = 30 * 86_400_000;
/** So many runs end in the deletion's own transaction; what is open beyond ends before it, as many at a time. */
const runsAtOnce = 200;
const reason = "the organization is deleted";

/** Payload of topic `org-deleted`: billing cancels at Stripe, agents are cut off. */
export interface OrganizationDeleted {
  /** Key of the organization. */
  org: string;
  org_id: string;
  purge_after: string;
}

/** What the end of an organization came to. */
export interface Ended {
  /** History tables that got a last row. */
  tables: string[];
  purgeAfter: string;
  details: Record<string, unknown>;
}

/** Ends the runs of an organization that has more of them than one transaction takes. */
export async function drainRuns(org: OrgIdentity, effects: Pick<Effects<never>, "commit">): Promise<void> {
  for (let isMore = true; isMore; ) {
    isMore = await effects.commit(async (change) => {
      const open = await readOpenRuns(org, runsAtOnce + 1, change);
      const counted = await readCounters(org, change);
      if (open.runs.length <= runsAtOnce) return false;
      writeCounters(counted, cancelRuns(open, { reason, ...counted }, change), change);
      return true;
    });
  }
}

/**
 * Reads all that the end of an organization touches and answers what writes it: state, keys, invites, credentials,
 * schedules, subscription, runs, seats, the purge, the message `org-deleted` and a mail to the owner. `isEndedBefore`: it
 * is deleted already, and nothing but its dates is answered. Throws `ORG_NOT_FOUND` when it is not what the caller saw.
 */
export async function endOrganization(
  org: OrgIdentity,
  change: Change,
  { isEndedBefore, given }: { isEndedBefore: boolean; given: Pick<Surroundings, "ids"> },
): Promise<() => Ended> {
  const read = await readOrganization(org, change);
  const expected = isEndedBefore ? "DELETED" : "ACTIVE";
  if (read.org.state !== expected || read.org.orgId !== org.orgId)
    throw new AppError("ORG_NOT_FOUND", "There is no such organization.");
  const purgeAfter = read.org.purgeAfter ?? new Date(read.now.getTime() + purgeMilliseconds).toISOString();
  if (isEndedBefore) return () => ({ tables: [], purgeAfter, details: {} });
  const catalogue = await plans();
  const subscription = await readSubscription(org, change);
  const open = await readOpenRuns(org, runsAtOnce, change);
  const counted = await readCounters(org, change);
  const informed = await informedOf(org, change);
  const endKeys = await revokeEveryKey(org, change);
  const endInvites = await endEveryInvite(org, change);
  const endIntegrations = await removeEveryIntegration(org, change);
  const endSchedules = await removeEverySchedule(org, change);
  await change.get(timerPath(purgeTimer, org.key));
  return () => {
    const next: OrgDocument = { ...read.org, state: "DELETED", deletedAt: read.now.toISOString(), purgeAfter };
    change.set<OrgDocument>(orgPath(org.key), next);
    const at = { version: read.version + 1, createdAt: read.createdAt, now: read.now, operation: "DELETE" as const };
    change.history(profileHistory(next, read.subscription, at));
    if (subscription.body !== undefined)
      applySubscription(
        org,
        subscription,
        { ...subscription.body, status: "CANCELLED", hold: false },
        { change, catalogue, trialUsed: read.org.trialUsed },
      );
    const counts = {
      ...{ keys: endKeys(), invites: endInvites(), credentials: endIntegrations(), schedules: endSchedules() },
      runs: open.runs.length,
    };
    writeCounters(counted, { ...cancelRuns(open, { reason, ...counted }, change), holds: {} }, change);
    setOrgTimer({ kind: purgeTimer, org: org.key, dueAt: purgeAfter }, change);
    const payload: OrganizationDeleted = { org: org.key, org_id: org.orgId, purge_after: purgeAfter };
    change.publish({ topic: "org-deleted", payload, attributes: { org: org.key } }, org);
    if (informed !== undefined) change.publish(deletedMail(informed, purgeAfter, given), org);
    return { tables: tablesOf(counts), purgeAfter, details: { ended: counts, purge_after: purgeAfter } };
  };
}

function deletedMail({ to, company, language }: Informed, purgeAfter: string, { ids }: Pick<Surroundings, "ids">) {
  const values = { company, purge_after: `${purgeAfter.slice(0, 16).replace("T", " ")} UTC` };
  return mailMessage({ name: "organization-deleted", to, language, values }, ids);
}

function tablesOf(counts: { keys: number; credentials: number; schedules: number; runs: number }): string[] {
  return [
    ...(counts.keys > 0 ? ["org_api_keys"] : []),
    ...(counts.credentials > 0 ? ["org_integration_credentials"] : []),
    ...(counts.runs > 0 ? ["org_meta_pipeline_runs"] : []),
    ...(counts.schedules > 0 ? ["org_pipeline_configs"] : []),
    "org_profiles",
    "org_subscriptions",
    "org_usage_quotas",
  ];
}

interface Counted {
  org: OrgIdentity;
  quota: QuotaDocument;
  limits: PlanLimits;
  version: number;
  now: Date;
}

async function readCounters(org: OrgIdentity, change: Change): Promise<Counted> {
  const [stored, subscription] = await change.getAll<object>([quotaPath(org), subscriptionPath(org)]);
  const now = stored?.readAt ?? change.now;
  const quota = rolled((stored?.body as QuotaDocument | undefined) ?? emptyQuota(now), now);
  const record = subscription?.body as SubscriptionDocument | undefined;
  const { limits } = effectiveSubscription(record, await plans(), now);
  return { org, quota, limits, version: stored?.version ?? 0, now };
}

function writeCounters({ org, limits, version, now }: Counted, quota: QuotaDocument, change: Change): void {
  change.set<QuotaDocument>(quotaPath(org), quota);
  change.history(quotaHistoryRow(org, quota, limits, { version: version + 1, now }));
}
