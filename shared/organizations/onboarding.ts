import { type Static, Type } from "@sinclair/typebox";
import { apiKeyFingerprint, apiKeyHash, makeApiKey } from "#shared/access/api-key.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { newOrgKeys, type OrgKeysDocument, orgKeysPath } from "#shared/access/org-keys.ts";
import type { ApiKeyDocument } from "#shared/access/verify.ts";
import { ensureTables } from "#shared/bootstrap/ensure-tables.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import { type Plans, plans } from "#shared/plans/plans.ts";
import { effectiveSubscription, type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import type { Sealed } from "#shared/platform/keys/keys.ts";
import { emptyQuota, type QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaHistoryRow } from "#shared/quotas/quota-history.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import type { Change } from "#shared/runtime/change.ts";
import { isDevelopment } from "#shared/runtime/config.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { fullExamination, type OnboardingPorts } from "./dryrun.ts";
import type { Applicant, CheckResult, OnboardingRequest } from "./onboarding-request.ts";
import { datasetIdOf, localeAnswer, localeFields, nullableInstant, type OrgDocument, orgPath } from "./organization.ts";
import { apiKeyHistory, profileHistory, subscriptionHistory } from "./organization-history.ts";
import { type HeldSlug, releaseSlug, stillHeld, takeSlug } from "./slug-lease.ts";

export const OnboardingReport = strictObject({
  org_slug: Type.String(),
  org_id: Type.String(),
  company_name: Type.String(),
  admin_email: Type.String(),
  api_key: Type.String({ description: "Shown this once" }),
  api_key_id: Type.String(),
  api_key_fingerprint: Type.String(),
  subscription_plan: Type.String(),
  status: Type.String(),
  trial_ends_at: nullableInstant,
  ...localeFields,
  dataset_id: Type.String(),
  dataset_location: Type.String(),
  dataset_created: Type.Boolean(),
  tables_created: Type.Array(Type.String()),
  tables_existed: Type.Array(Type.String()),
  resumed: Type.Boolean(),
  dryrun_status: Type.String(),
  message: Type.String(),
});
export type OnboardingReport = Static<typeof OnboardingReport>;

type Given = OnboardingPorts & Surroundings;

/** What one onboarding works with, made before its last transaction so that a body that runs again writes the same. */
interface NewOrganization {
  applicant: Applicant;
  held: HeldSlug;
  identity: OrgIdentity;
  datasetId: string;
  orgKeys: OrgKeysDocument;
  keyId: string;
  apiKey: string;
  sealedKey: Sealed | null;
  catalogue: Plans;
}

/** Document of a key with its sealed copy, which exists in development only. */
type StoredApiKey = ApiKeyDocument & { sealedKey: Sealed | null };

/**
 * Makes an organization: (1) takes the slug, (2) makes dataset and tables, (3) in one transaction everything else. After
 * a crash the same call with the same `admin_email` goes on. Never deletes or empties a dataset. Source: `organizations.md` 3.
 */
export async function onboard(
  request: OnboardingRequest,
  effects: Effects<OnboardingReport>,
  given: Given,
): Promise<OnboardingReport> {
  const { applicant: asked, results } = await fullExamination(request, given);
  refuseFailed(results);
  const held = await effects.commit((change) => takeSlug(asked, change, given));
  const applicant = { ...asked, slug: held.slug };
  try {
    const organization = await prepared(applicant, held, given);
    const made = await makeDataset(organization, given);
    return await effects.commit((change) => finish(organization, made, change, effects));
  } catch (error) {
    // Only a courtesy to the next call: a lease that cannot be released ends by itself.
    await effects.commit((change) => releaseSlug(held, change)).catch(() => {});
    throw error;
  }
}

function refuseFailed(results: readonly CheckResult[]): void {
  const failed = results.filter((result) => result.status === "FAILED");
  const named = (check: string): CheckResult | undefined => failed.find((result) => result.check === check);
  if (failed.length === 0) return;
  const rules = failed.filter(
    (result) => !["slug_available", "bootstrap_complete", "dataset_free", "keys_usable"].includes(result.check),
  );
  if (rules.length > 0) {
    const fields = rules.map(({ field, message }) => ({ path: field, problem: message }));
    throw new AppError(
      "INVALID_ONBOARDING",
      `${rules.length} checks failed; ask POST /api/v1/organizations/dryrun for all.`,
      { fields },
    );
  }
  if (named("bootstrap_complete"))
    throw new AppError("NOT_BOOTSTRAPPED", "The platform is not bootstrapped: call POST /api/v1/admin/bootstrap.");
  if (named("slug_available")) throw new AppError("ORG_EXISTS", "An organization of this name exists.");
  if (named("dataset_free"))
    throw new AppError("DATASET_EXISTS", "A dataset of this name exists and is not this organization's.");
  throw new AppError("KEYS_UNAVAILABLE", "The key service cannot be reached.", { retryable: true });
}

async function prepared(applicant: Applicant, held: HeldSlug, given: Given): Promise<NewOrganization> {
  const identity = { slug: held.slug, key: held.key, orgId: held.orgId };
  const apiKey = makeApiKey(applicant.slug);
  const keyId = given.ids.newId("key");
  const sealedKey = isDevelopment(given.config)
    ? await given.keys.seal(new TextEncoder().encode(apiKey), apiKeyContext(identity.orgId, keyId))
    : null;
  const orgKeys = await newOrgKeys(identity.orgId, given.keys);
  return {
    applicant,
    held,
    identity,
    datasetId: datasetIdOf(applicant.slug, given.config),
    orgKeys,
    keyId,
    apiKey,
    sealedKey,
    catalogue: await plans(),
  };
}

/** Additional data of the sealed copy of an organization key. */
export function apiKeyContext(orgId: string, keyId: string): string {
  return `v1|${orgId}|api-key|${keyId}|1`;
}

interface MadeDataset {
  datasetCreated: boolean;
  location: string;
  created: string[];
  existing: string[];
}

async function makeDataset(organization: NewOrganization, given: Given): Promise<MadeDataset> {
  const { datasetId, identity, applicant } = organization;
  const config = await loadTableConfig("organizations");
  const dataset = {
    id: datasetId,
    label: identity.orgId,
    location: applicant.location,
    description: config.dataset.description,
  };
  const { created: datasetCreated, label } = await given.warehouse.ensureDataset(dataset);
  if (!datasetCreated && label?.toLowerCase() !== identity.orgId.toLowerCase()) {
    throw new AppError("DATASET_EXISTS", "A dataset of this name exists and is not this organization's.");
  }
  const { created, existing, failed } = await ensureTables(
    dataset,
    [...config.tables, ...config.extensionTables],
    given.warehouse,
  );
  if (failed.length > 0) {
    throw new AppError("WAREHOUSE_UNAVAILABLE", `${failed.length} tables could not be made; call again to go on.`, {
      retryable: true,
      fields: failed.map(({ table, problem }) => ({ path: `/tables/${table}`, problem })),
    });
  }
  // An earlier attempt may have made it elsewhere, and a dataset does not move.
  const standing = datasetCreated ? undefined : await given.warehouse.describeDataset(datasetId);
  return { datasetCreated, location: standing?.location ?? applicant.location, created, existing };
}

async function finish(
  organization: NewOrganization,
  made: MadeDataset,
  change: Change,
  effects: Effects<OnboardingReport>,
): Promise<OnboardingReport> {
  const { identity, held } = organization;
  const [org, subscription, quota] = await change.getAll<object>([
    orgPath(identity.key),
    subscriptionPath(identity),
    quotaPath(identity),
  ]);
  await effects.prepare(change);
  const stored = stillHeld(held, org?.body as OrgDocument | undefined);
  const now = org?.readAt ?? change.now;
  const plan = newSubscription(organization, now);
  const active: OrgDocument = {
    ...stored,
    state: "ACTIVE",
    dataset: { id: organization.datasetId, location: made.location },
    onboarding: null,
    onboardedAt: now.toISOString(),
    trialUsed: plan.trialEndsAt !== null,
  };
  writeOrganization(
    organization,
    active,
    plan,
    { org: org?.version ?? 0, subscription: subscription?.version ?? 0, quota: quota?.version ?? 0, now },
    change,
  );
  const report = onboardingReport(organization, made, plan);
  effects.conclude(change, report, {
    org: identity,
    resourceId: identity.orgId,
    details: { org_slug: identity.slug, plan: plan.plan },
  });
  return report;
}

function onboardingReport(
  { applicant, identity, apiKey, keyId, datasetId, held }: NewOrganization,
  made: MadeDataset,
  plan: SubscriptionDocument,
): OnboardingReport {
  return {
    org_slug: identity.slug,
    org_id: identity.orgId,
    company_name: applicant.companyName,
    admin_email: applicant.adminEmail,
    api_key: apiKey,
    api_key_id: keyId,
    api_key_fingerprint: apiKeyFingerprint(apiKey),
    subscription_plan: plan.plan,
    status: plan.status,
    trial_ends_at: plan.trialEndsAt,
    ...localeAnswer(applicant.locale),
    dataset_id: datasetId,
    dataset_location: made.location,
    dataset_created: made.datasetCreated,
    tables_created: made.created,
    tables_existed: made.existing,
    resumed: held.isResumed,
    dryrun_status: "PASSED",
    message: `${applicant.companyName} is ready. Keep the API key: it is shown this once.`,
  };
}

function writeOrganization(
  organization: NewOrganization,
  active: OrgDocument,
  subscription: SubscriptionDocument,
  versions: { org: number; subscription: number; quota: number; now: Date },
  change: Change,
): void {
  const { identity, catalogue, orgKeys } = organization;
  const { now } = versions;
  const quota: QuotaDocument = emptyQuota(now);
  const key = newApiKey(organization);
  change.set(orgPath(identity.key), active);
  change.set(subscriptionPath(identity), subscription);
  change.set(quotaPath(identity), quota);
  change.create(orgKeysPath(identity.orgId), orgKeys);
  change.create<StoredApiKey>(`apiKeys/${apiKeyHash(organization.apiKey)}`, key);
  const effective = effectiveSubscription(subscription, catalogue, now);
  // The profile's document is older than the organization: it held the slug. Its history begins here all the same.
  const created = (version: number) => ({ version: version + 1, now, operation: "CREATE" as const });
  change.history(profileHistory(active, effective, created(versions.org)));
  change.history(subscriptionHistory(identity, subscription, effective, created(versions.subscription)));
  change.history(quotaHistoryRow(identity, quota, effective.limits, { version: versions.quota + 1, now }));
  change.history(apiKeyHistory(identity, key, apiKeyHash(organization.apiKey), now));
}

function newApiKey({ identity, keyId, apiKey, sealedKey }: NewOrganization): StoredApiKey {
  return {
    org: identity.key,
    keyId,
    name: "Primary key",
    fingerprint: apiKeyFingerprint(apiKey),
    scopes: ["*"],
    primary: true,
    state: "ACTIVE",
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
    rotatedFrom: null,
    sealedKey,
  };
}

/** PROFESSIONAL starts as a local trial of 14 x 24 hours; the other plans are ACTIVE at once. */
function newSubscription({ applicant, identity, catalogue }: NewOrganization, now: Date): SubscriptionDocument {
  const trialDays = catalogue[applicant.plan].trial_days;
  const trialEndsAt = trialDays > 0 ? new Date(now.getTime() + trialDays * 86_400_000).toISOString() : null;
  return {
    subscriptionId: `sub_${identity.orgId.slice(4)}`,
    plan: applicant.plan,
    status: trialEndsAt === null ? "ACTIVE" : "TRIAL",
    hold: false,
    overrides: {},
    trialEndsAt,
    graceEndsAt: null,
    endDate: null,
  };
}
