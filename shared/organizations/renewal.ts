import type { OrgIdentity } from "#shared/access/caller.ts";
import { freshKey, type KeyPorts } from "#shared/api-keys/new-key.ts";
import { renewPrimary } from "#shared/api-keys/rotate.ts";
import { liveKeys } from "#shared/api-keys/stored-key.ts";
import { type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { changedLocale } from "./locale.ts";
import { type OnboardingReport, onboardingReport } from "./onboarding-report.ts";
import type { Applicant, AskedOrganization } from "./onboarding-request.ts";
import { localeAnswer } from "./organization.ts";
import { readOrganization, storeOrganization } from "./organization-store.ts";
import { slugTaken } from "./slug-lease.ts";

/** How long the key that is replaced lives on. */
const overlapHours = 24;

/**
 * A new primary key for an organization that exists, with the company name and the locale that the request gives. Plan,
 * data and dataset stay as they are.
 */
export async function renewKey(
  asked: { org: OrgIdentity; applicant: Applicant; request: AskedOrganization },
  effects: Effects<OnboardingReport>,
  given: KeyPorts,
): Promise<OnboardingReport> {
  const { org, applicant, request } = asked;
  const fresh = await freshKey(org, given);
  return effects.commit(async (change) => {
    const read = await readOrganization(org, change);
    const { body: stored } = await change.get<SubscriptionDocument>(subscriptionPath(org));
    const live = await liveKeys(org, change);
    await effects.prepare(change);
    if (read.org.state !== "ACTIVE" || read.org.orgId !== org.orgId) throw slugTaken();
    renewPrimary({ org, caller: { kind: "root", credentialId: "root" }, overlapHours }, fresh, live, change);
    const next = {
      ...read.org,
      companyName: applicant.companyName,
      locale: changedLocale(read.org.locale, request),
    };
    const facts = ({ companyName, locale }: typeof next) => ({ company_name: companyName, ...localeAnswer(locale) });
    const isSame = JSON.stringify(facts(read.org)) === JSON.stringify(facts(next));
    const kept = isSame ? read : storeOrganization(read, next, change);
    const { location } = kept.org.dataset;
    const made = { datasetCreated: false, location, created: [], existing: [] };
    const { subscription: effective } = kept;
    const parts = { org: kept.org, fresh, stored, effective, made, isResumed: false, invite: undefined };
    const report = onboardingReport(parts);
    const details = { old: facts(read.org), new: facts(kept.org) };
    effects.conclude(change, report, { org, action: "api_key.rotated", resourceId: fresh.keyId, details });
    return report;
  });
}
