import { type Static, Type } from "@sinclair/typebox";
import { apiKeyFingerprint, apiKeyHash, makeApiKey } from "#shared/access/api-key.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { newOrgKeys, type OrgKeysDocument, orgKeysPath } from "#shared/access/org-keys.ts";
import type { ApiKeyDocument } from "#shared/access/verify.ts";
import { ensureTables } from "#shared/bootstrap/ensure-tables.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import type { Sealed } from "#shared/platform/keys/keys.ts";
import { emptyQuota, type QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaHistoryRow } from "#shared/quotas/quota-history.ts";
import { quotaPath, subscriptionPath } from "#shared/quotas/reserve.ts";
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
import { type Plans, plans } from "./plans.ts";
import { effectiveSubscription, type SubscriptionDocument } from "./subscription.ts";

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
  identity: OrgIdentity;
  datasetId: string;
  orgKeys: OrgKeysDocument;
  keyId: string;
  apiKey: string;
  sealedKey: Sealed | null;
  catalogue: Plans;
}

const leaseMilliseconds = 300_000;

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
  const { applicant, results } = await fullExamination(request, given);
  refuseFailed(results);
  const { orgId, isResumed } = await effects.commit((change) => takeSlug(applicant, change, given));
  const identity = { slug: applicant.slug, key: applicant.key, orgId };
  try {
    const organization = await prepared(applicant, identity, given);
    const made = await makeDataset(organization, given);
    return await effects.commit((change) => finish(organization, { ...made, isResumed }, change, effects));
  } catch (error) {
    await effects.commit((change) => releaseLease(applicant, change)).catch(() => {});
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

async function takeSlug(
  applicant: Applicant,
  change: Change,
  given: Given,
): Promise<{ orgId: string; isResumed: boolean }> {
  const { body, readAt } = await change.get<OrgDocument>(orgPath(applicant.key));
  const lease = {
    leaseUntil: new Date(readAt.getTime() + leaseMilliseconds).toISOString(),
    fingerprint: applicant.adminEmail.toLowerCase(),
  };
  if (body === undefined) {
    const orgId = given.ids.newId("org");
    change.set<OrgDocument>(orgPath(applicant.key), provisioning(applicant, orgId, { ...lease, attempt: 1 }, given));
    return { orgId, isResumed: false };
  }
  if (body.state !== "PROVISIONING") throw new AppError("ORG_EXISTS", "An organization of this name exists.");
  const left = Date.parse(body.onboarding?.leaseUntil ?? "") - readAt.getTime();
  if (left > 0 || body.onboarding?.fingerprint !== lease.fingerprint) {
    throw new AppError("ONBOARDING_IN_PROGRESS", "An organization of this name is being made.", {
      retryAfterSeconds: Math.max(1, Math.ceil(left / 1000)),
    });
  }
  const attempt = (body.onboarding?.attempt ?? 0) + 1;
  change.set<OrgDocument>(orgPath(applicant.key), provisioning(applicant, body.orgId, { ...lease, attempt }, given));
  return { orgId: body.orgId, isResumed: true };
}

function provisioning(
  applicant: Applicant,
  orgId: string,
  onboarding: NonNullable<OrgDocument["onboarding"]>,
  given: Given,
): OrgDocument {
  return {
    slug: applicant.slug,
    orgId,
    state: "PROVISIONING",
    companyName: applicant.companyName,
    adminEmail: applicant.adminEmail,
    locale: applicant.locale,
    dataset: { id: datasetIdOf(applicant.slug, given.config), location: applicant.location },
    onboarding,
    onboardedAt: null,
    trialUsed: false,
    ledgerEpoch: 1,
    cacheEpoch: 1,
  };
}

async function prepared(applicant: Applicant, identity: OrgIdentity, given: Given): Promise<NewOrganization> {
  const apiKey = makeApiKey(applicant.slug);
  const keyId = given.ids.newId("key");
  const sealedKey = isDevelopment(given.config)
    ? await given.keys.seal(new TextEncoder().encode(apiKey), apiKeyContext(identity.orgId, keyId))
    : null;
  const orgKeys = await newOrgKeys(identity.orgId, given.keys);
  return {
    applicant,
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
  return { datasetCreated, created, existing };
}

async function finish(
  organization: NewOrganization,
  made: MadeDataset & { isResumed: boolean },
  change: Change,
  effects: Effects<OnboardingReport>,
): Promise<OnboardingReport> {
  const { applicant, identity } = organization;
  const [org, subscription, quota] = await change.getAll<object>([
    orgPath(identity.key),
    subscriptionPath(identity),
    quotaPath(identity),
  ]);
  await effects.prepare(change);
  const stored = org?.body as OrgDocument | undefined;
  if (stored?.state !== "PROVISIONING" || stored.orgId !== identity.orgId)
    throw new AppError("ORG_EXISTS", "An organization of this name exists.");
  const now = org?.readAt ?? change.now;
  const plan = newSubscription(organization, now);
  const active: OrgDocument = {
    ...stored,
    state: "ACTIVE",
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
  const report: OnboardingReport = {
    org_slug: identity.slug,
    org_id: identity.orgId,
    company_name: applicant.companyName,
    admin_email: applicant.adminEmail,
    api_key: organization.apiKey,
    api_key_id: organization.keyId,
    api_key_fingerprint: apiKeyFingerprint(organization.apiKey),
    subscription_plan: plan.plan,
    status: plan.status,
    trial_ends_at: plan.trialEndsAt,
    ...localeAnswer(applicant.locale),
    dataset_id: organization.datasetId,
    dataset_location: applicant.location,
    dataset_created: made.datasetCreated,
    tables_created: made.created,
    tables_existed: made.existing,
    resumed: made.isResumed,
    dryrun_status: "PASSED",
    message: `${applicant.companyName} is ready. Keep the API key: it is shown this once.`,
  };
  effects.conclude(change, report, {
    org: identity,
    resourceId: identity.orgId,
    details: { org_slug: identity.slug, plan: plan.plan },
  });
  return report;
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
  change.history(profileHistory(active, effective, { version: versions.org + 1, now }));
  change.history(subscriptionHistory(identity, subscription, effective, { version: versions.subscription + 1, now }));
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

async function releaseLease(applicant: Applicant, change: Change): Promise<void> {
  const { body, readAt } = await change.get<OrgDocument>(orgPath(applicant.key));
  if (body?.state !== "PROVISIONING" || body.onboarding === null) return;
  change.set<OrgDocument>(orgPath(applicant.key), {
    ...body,
    onboarding: { ...body.onboarding, leaseUntil: readAt.toISOString() },
  });
}
