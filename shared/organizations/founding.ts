import type { OrgIdentity } from "#shared/access/caller.ts";
import { newOrgKeys, type OrgKeysDocument, orgKeysPath } from "#shared/access/org-keys.ts";
import type { AlertRuleDocument } from "#shared/alerts/alert-rule.ts";
import { firstRules, preparedRules } from "#shared/alerts/first-rules.ts";
import { type FreshKey, freshKey, storeKey } from "#shared/api-keys/new-key.ts";
import { applySubscription, type ReadSubscription, readSubscription } from "#shared/billing/apply-subscription.ts";
import { defaultHierarchy } from "#shared/hierarchy/default-levels.ts";
import type { InviteDocument } from "#shared/members/invite.ts";
import { defaultChannel, type PreparedChannel, preparedChannel } from "#shared/notifications/default-channel.ts";
import { type PlanName, type Plans, plans } from "#shared/plans/plans.ts";
import { effectiveSubscription, type SubscriptionDocument } from "#shared/plans/subscription.ts";
import type { Documents, Snapshot } from "#shared/platform/documents/documents.ts";
import type { Keys } from "#shared/platform/keys/keys.ts";
import { emptyQuota, type QuotaDocument, rolled } from "#shared/quotas/quota.ts";
import { quotaHistoryRow } from "#shared/quotas/quota-history.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { timerPath } from "#shared/timers/timers.ts";
import { type Founder, readFounder, refuseFounder, writeFounder } from "./founder.ts";
import { type MadeDataset, type OnboardingReport, onboardingReport } from "./onboarding-report.ts";
import type { Applicant } from "./onboarding-request.ts";
import { type OrgDocument, orgPath } from "./organization.ts";
import { profileHistory } from "./organization-history.ts";
import { type HeldSlug, provisioningTimer, stillHeld } from "./slug-lease.ts";

/** Timer that has the data of a deleted organization erased. */
export const purgeTimer = "org-purge";

/** What one founding works with, made before its transaction so that a body that runs again writes the same. */
export interface Founding {
  applicant: Applicant;
  founder: Founder;
  held: HeldSlug;
  identity: OrgIdentity;
  orgKeys: OrgKeysDocument;
  fresh: FreshKey;
  inviteId: string;
  channel: PreparedChannel | undefined;
  rules: AlertRuleDocument[];
  catalogue: Plans;
}

type FoundingPorts = { documents: Documents; keys: Keys } & Pick<Surroundings, "ids" | "config">;

export async function preparedFounding(
  asked: { applicant: Applicant; founder: Founder; held: HeldSlug },
  given: FoundingPorts,
): Promise<Founding> {
  const { held, applicant } = asked;
  const identity = { slug: held.slug, key: held.key, orgId: held.orgId };
  // Of one that comes back what is sealed must open with what was sealed before.
  const stored = await given.documents.get<OrgKeysDocument>(orgKeysPath(identity.orgId));
  const orgKeys = stored.body ?? (await newOrgKeys(identity.orgId, given.keys));
  return {
    ...asked,
    identity,
    orgKeys,
    fresh: await freshKey(identity, given),
    inviteId: given.ids.newId("inv"),
    channel: await preparedChannel(identity, { address: applicant.adminEmail, orgKeys }, given),
    rules: await preparedRules(identity, given),
    catalogue: await plans(),
  };
}

/**
 * The last transaction of onboarding: the organization is ACTIVE with everything it needs, or nothing is written. One
 * that comes back keeps its id, its data, its people, its counters and the keys its old rows were made with.
 */
export async function found(
  founding: Founding,
  made: MadeDataset,
  change: Change,
  by: { prepare(change: Change): Promise<void>; given: Pick<Surroundings, "ids"> },
): Promise<OnboardingReport> {
  const { identity, held, founder, catalogue } = founding;
  const read = await readStanding(founding, change);
  const readOwner = await readFounder(identity, founder, change);
  const writeHierarchy = await defaultHierarchy(identity, change);
  const writeChannel = await defaultChannel(identity, founding.channel, change);
  const writeRules = await firstRules(identity, founding.rules, change);
  await by.prepare(change);
  const { now } = read;
  const stored = stillHeld(held, read.org.body);
  refuseFounder(readOwner, { key: identity.key, org: stored, now });
  const subscription = newSubscription(founding, { stored, before: read.subscription.body }, now);
  const effective = effectiveSubscription(subscription, catalogue, now);
  const applied = { change, catalogue, trialUsed: stored.trialUsed };
  const { trialUsed } = applySubscription(identity, read.subscription, subscription, applied);
  const organization = activeOrganization(founding, stored, { made, trialUsed, now });
  const counters = rolled(read.quota.body ?? emptyQuota(now), now);
  const at = { org: identity, organization, inviteId: founding.inviteId };
  const seats = { quota: counters, limit: effective.limits.seats, now };
  const { quota, ownerUserId, invite } = writeFounder(readOwner, at, seats, { change, given: by.given });
  const org = { ...organization, ownerUserId };
  change.set<OrgDocument>(orgPath(identity.key), org);
  change.set<QuotaDocument>(quotaPath(identity), quota);
  if (!read.hasOrgKeys) change.create<OrgKeysDocument>(orgKeysPath(identity.orgId), founding.orgKeys);
  for (const write of [writeHierarchy, writeChannel, writeRules]) write(change);
  storeKey(identity, founding.fresh, firstKeyTerms, change);
  for (const kind of [provisioningTimer, purgeTimer]) change.delete(timerPath(kind, identity.key));
  // The profile's document is older than the organization: it held the slug. Its history begins here all the same.
  const operation = held.isReturning ? ("UPDATE" as const) : ("CREATE" as const);
  change.history(profileHistory(org, effective, { version: read.org.version + 1, now, operation }));
  change.history(quotaHistoryRow(identity, quota, effective.limits, { version: read.quota.version + 1, now }));
  return report(founding, { org, subscription, made, invite }, effective);
}

const firstKeyTerms = {
  name: "Primary key",
  scopes: ["*"],
  primary: true,
  expiresAt: null,
  rotatedFrom: null,
  createdBy: null,
};

interface Standing {
  org: Snapshot<OrgDocument>;
  quota: Snapshot<QuotaDocument>;
  subscription: ReadSubscription;
  hasOrgKeys: boolean;
  now: Date;
}

async function readStanding({ identity }: Founding, change: Change): Promise<Standing> {
  const [org, quota, orgKeys] = await change.getAll<object>([
    orgPath(identity.key),
    quotaPath(identity),
    orgKeysPath(identity.orgId),
    timerPath(provisioningTimer, identity.key),
    timerPath(purgeTimer, identity.key),
  ]);
  if (org === undefined || quota === undefined)
    throw new Error("the store answers fewer documents than it was asked for");
  const subscription = await readSubscription(identity, change);
  return {
    org: org as Snapshot<OrgDocument>,
    quota: quota as Snapshot<QuotaDocument>,
    subscription,
    hasOrgKeys: orgKeys?.body !== undefined,
    now: org.readAt,
  };
}

function activeOrganization(
  { applicant, identity, held }: Founding,
  stored: OrgDocument,
  { made, trialUsed, now }: { made: MadeDataset; trialUsed: boolean; now: Date },
): OrgDocument {
  const { companyName, adminEmail, locale } = applicant;
  return {
    ...stored,
    slug: identity.slug,
    state: "ACTIVE",
    companyName,
    adminEmail,
    locale,
    dataset: { id: held.dataset.id, location: made.location },
    onboarding: null,
    onboardedAt: now.toISOString(),
    trialUsed,
    deletedAt: null,
    purgeAfter: null,
  };
}

/** PROFESSIONAL starts as a local trial of 14 x 24 hours, once for ever and then FREE; the other plans are ACTIVE at once. */
function newSubscription(
  { applicant, identity, catalogue }: Founding,
  { stored, before }: { stored: OrgDocument; before: SubscriptionDocument | undefined },
  now: Date,
): SubscriptionDocument {
  const trialDays = catalogue[applicant.plan].trial_days;
  const hasTrial = trialDays > 0 && !stored.trialUsed;
  const plan: PlanName = trialDays > 0 && !hasTrial ? "FREE" : applicant.plan;
  return {
    subscriptionId: before?.subscriptionId ?? `sub_${identity.orgId.slice(4)}`,
    plan,
    status: hasTrial ? "TRIAL" : "ACTIVE",
    hold: false,
    overrides: {},
    trialEndsAt: hasTrial ? new Date(now.getTime() + trialDays * 86_400_000).toISOString() : null,
    graceEndsAt: null,
    endDate: null,
  };
}

function report(
  { fresh, held }: Founding,
  done: { org: OrgDocument; subscription: SubscriptionDocument; made: MadeDataset; invite: InviteDocument | undefined },
  effective: ReturnType<typeof effectiveSubscription>,
): OnboardingReport {
  const { org, subscription: stored, made, invite } = done;
  return onboardingReport({ org, fresh, stored, effective, made, isResumed: held.isResumed, invite });
}
