import type { SignedIn } from "#shared/access/caller.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { fullExamination, type OnboardingPorts } from "./dryrun.ts";
import { type Founder, readFounder, refuseFounder } from "./founder.ts";
import { found, preparedFounding } from "./founding.ts";
import type { OnboardingReport } from "./onboarding-report.ts";
import type { Applicant, AskedOrganization, CheckResult } from "./onboarding-request.ts";
import { type OrgDocument, orgPath } from "./organization.ts";
import { makeDataset } from "./organization-dataset.ts";
import { anyOrganizationNamed } from "./organization-named.ts";
import { renewKey } from "./renewal.ts";
import { releaseSlug, takeSlug } from "./slug-lease.ts";

type Given = OnboardingPorts & Surroundings;

/**
 * Makes an organization for whom the operator names: (1) takes the slug, (2) makes dataset and tables, (3) in one
 * transaction everything else. After a crash the same call with the same `admin_email` goes on; a deleted organization
 * comes back the same way. Never deletes or empties a dataset. Source: `organizations.md` 3.
 */
export async function onboard(
  request: AskedOrganization,
  effects: Effects<OnboardingReport>,
  given: Given,
): Promise<OnboardingReport> {
  return establish(request, { kind: "invited", email: request.admin_email?.trim() ?? "" }, effects, given);
}

/** The same for a person who signs up: they own it at once. */
export async function createOwnOrganization(
  request: AskedOrganization,
  person: SignedIn,
  effects: Effects<OnboardingReport>,
  given: Given,
): Promise<OnboardingReport> {
  return establish({ ...request, admin_email: person.email }, { kind: "person", person }, effects, given);
}

async function establish(
  request: AskedOrganization,
  founder: Founder,
  effects: Effects<OnboardingReport>,
  given: Given,
): Promise<OnboardingReport> {
  const { applicant: asked, results, place } = await fullExamination(request, given);
  refuseFailed(results);
  if (place.slug === "taken") return renewed(asked, request, effects, given);
  const held = await effects.commit(async (change) => {
    const { body: org, readAt: now } = await change.get<OrgDocument>(orgPath(asked.key));
    const read = await readFounder(asked, founder, change);
    // Told before anything is made; asked again when it is written.
    refuseFounder(read, { key: asked.key, org, now });
    return takeSlug(asked, place.dataset !== "none", change, given);
  });
  const applicant = { ...asked, slug: held.slug };
  try {
    const founding = await preparedFounding({ applicant, founder, held }, given);
    const wanted = {
      id: held.dataset.id,
      location: applicant.location,
      orgId: held.orgId,
      isAdopted: place.dataset === "adoptable",
    };
    const made = await makeDataset(wanted, given.warehouse);
    return await effects.commit(async (change) => {
      const report = await found(founding, made, change, { prepare: effects.prepare, given });
      const details = { org_slug: held.slug, plan: report.subscription_plan, returned: held.isReturning };
      effects.conclude(change, report, { org: founding.identity, resourceId: held.orgId, details });
      return report;
    });
  } catch (error) {
    // Only a courtesy to the next call: a lease that cannot be released ends by itself.
    await effects.commit((change) => releaseSlug(held, change)).catch(() => {});
    throw error;
  }
}

async function renewed(
  applicant: Applicant,
  request: AskedOrganization,
  effects: Effects<OnboardingReport>,
  given: Given,
): Promise<OnboardingReport> {
  const { identity: org } = await anyOrganizationNamed(applicant.slug, given.documents);
  return renewKey({ org, applicant, request }, effects, given);
}

/** What is wrong with the request, all of it; else the first thing that stands in its way. */
function refuseFailed(results: readonly CheckResult[]): void {
  const failed = results.filter((result) => result.status === "FAILED");
  const rules = failed.filter((result) => result.code === undefined);
  if (rules.length > 0) {
    const fields = rules.map(({ field, message }) => ({ path: field, problem: message }));
    const message = `${rules.length} checks failed; ask POST /api/v1/organizations/dryrun for all.`;
    throw new AppError("INVALID_ONBOARDING", message, { fields });
  }
  const [first] = failed;
  if (first?.code === undefined) return;
  const { check, code, field, message } = first;
  throw new AppError(code, `${check}: ${message}.`, {
    retryable: code === "KEYS_UNAVAILABLE",
    fields: field === "" ? [] : [{ path: field, problem: message }],
  });
}
