import { type Static, Type } from "@sinclair/typebox";
import { isBootstrapped } from "#shared/bootstrap/bootstrap.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Keys } from "#shared/platform/keys/keys.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { Configuration } from "#shared/runtime/config.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import { type Applicant, type CheckResult, examine, type OnboardingRequest } from "./onboarding-request.ts";
import { datasetIdOf, type OrgDocument, orgPath } from "./organization.ts";

const status = choice(["PASSED", "FAILED"]);

export const DryrunReport = strictObject({
  status,
  ready_for_onboarding: Type.Boolean(),
  org_slug: Type.String(),
  company_name: Type.String(),
  admin_email: Type.String(),
  subscription_plan: Type.String(),
  validation_summary: strictObject({ total: Type.Integer(), passed: Type.Integer(), failed: Type.Integer() }),
  validation_results: Type.Array(strictObject({ check: Type.String(), status, message: Type.String() })),
  message: Type.String(),
});
export type DryrunReport = Static<typeof DryrunReport>;

export interface OnboardingPorts {
  documents: Documents;
  warehouse: Warehouse;
  keys: Keys;
  config: Configuration;
}

/** Every check of onboarding without any effect; bad values are answered, not refused. */
export async function dryrun(request: OnboardingRequest, ports: OnboardingPorts): Promise<DryrunReport> {
  const { applicant, results } = await fullExamination(request, ports);
  const failed = results.filter((result) => result.status === "FAILED").length;
  return {
    status: failed === 0 ? "PASSED" : "FAILED",
    ready_for_onboarding: failed === 0,
    org_slug: applicant.slug,
    company_name: applicant.companyName,
    admin_email: applicant.adminEmail,
    subscription_plan: applicant.plan,
    validation_summary: { total: results.length, passed: results.length - failed, failed },
    validation_results: results.map(({ check, status: outcome, message }) => ({ check, status: outcome, message })),
    message: failed === 0 ? "Ready for onboarding." : `${failed} of ${results.length} checks failed.`,
  };
}

/** The rules of the request and those that need the stores. */
export async function fullExamination(
  request: OnboardingRequest,
  ports: OnboardingPorts,
): Promise<{ applicant: Applicant; results: CheckResult[] }> {
  const { applicant, results } = await examine(request, ports.config.DATASET_LOCATION);
  const hasForm = results.every((result) => result.check !== "slug_format" || result.status === "PASSED");
  const stored = hasForm ? await storedChecks(applicant, ports) : [];
  return { applicant, results: [...results, ...stored] };
}

async function storedChecks(applicant: Applicant, ports: OnboardingPorts): Promise<CheckResult[]> {
  const [isReady, areKeysUsable] = await Promise.all([isBootstrapped(ports.documents), keysWork(ports.keys)]);
  const { isSlugFree, isDatasetFree } = await placeOf(applicant, isReady, ports);
  const result = (check: string, field: string, isRight: boolean, problem: string): CheckResult => ({
    check,
    status: isRight ? "PASSED" : "FAILED",
    message: isRight ? "ok" : problem,
    field,
  });
  return [
    result("slug_available", "/org_slug", isSlugFree, "is taken"),
    result("bootstrap_complete", "", isReady, "the platform is not bootstrapped: call POST /api/v1/admin/bootstrap"),
    result("dataset_free", "/org_slug", isDatasetFree, "its dataset exists and belongs to nobody we know"),
    result("keys_usable", "", areKeysUsable, "the key service cannot be reached"),
  ];
}

/** Whether slug and dataset are free, or belong to an attempt that may be taken up. */
async function placeOf(
  applicant: Applicant,
  isReady: boolean,
  ports: OnboardingPorts,
): Promise<{ isSlugFree: boolean; isDatasetFree: boolean }> {
  const stored = async (): Promise<OrgDocument | undefined> =>
    (await ports.documents.get<OrgDocument>(orgPath(applicant.key))).body;
  const isFree = (org: OrgDocument | undefined): boolean => org === undefined || org.state === "PROVISIONING";
  const before = await stored();
  if (!isReady || !isFree(before)) return { isSlugFree: isFree(before), isDatasetFree: true };
  const dataset = await ports.warehouse.describeDataset(datasetIdOf(before?.slug ?? applicant.slug, ports.config));
  if (dataset === undefined) return { isSlugFree: true, isDatasetFree: true };
  // A call at the same time may have taken the slug and made this dataset after the first look.
  const org = await stored();
  return { isSlugFree: isFree(org), isDatasetFree: dataset.label !== undefined && dataset.label === org?.orgId };
}

async function keysWork(keys: Keys): Promise<boolean> {
  try {
    const probe = crypto.getRandomValues(new Uint8Array(16));
    const opened = await keys.open(await keys.seal(probe, "v1|probe"), "v1|probe");
    return Buffer.compare(probe, opened) === 0;
  } catch (error) {
    if (isAppError(error)) return false;
    throw error;
  }
}
