import { type Static, Type } from "@sinclair/typebox";
import { orgKeysPath } from "#shared/access/org-keys.ts";
import { isBootstrapped } from "#shared/bootstrap/bootstrap-lease.ts";
import { comparableEmail } from "#shared/people/email.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Keys } from "#shared/platform/keys/keys.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { Configuration } from "#shared/runtime/config.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import {
  type Applicant,
  type AskedOrganization,
  type CheckResult,
  examine,
  type OnboardingRequest,
} from "./onboarding-request.ts";
import { datasetIdOf, type OrgDocument, orgPath } from "./organization.ts";

const status = choice(["PASSED", "FAILED"]);
const count = Type.Integer();

export const DryrunReport = strictObject({
  status,
  ready_for_onboarding: Type.Boolean(),
  org_slug: Type.String(),
  company_name: Type.String(),
  admin_email: Type.String(),
  subscription_plan: Type.String(),
  validation_summary: strictObject({ total: count, passed: count, failed: count, warnings: count }),
  validation_results: Type.Array(
    strictObject({
      check: Type.String(),
      status: choice(["PASSED", "FAILED", "WARNING"]),
      message: Type.String(),
    }),
  ),
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
  const counted = (outcome: CheckResult["status"]) => results.filter((result) => result.status === outcome).length;
  const failed = counted("FAILED");
  return {
    status: failed === 0 ? "PASSED" : "FAILED",
    ready_for_onboarding: failed === 0,
    org_slug: applicant.slug,
    company_name: applicant.companyName,
    admin_email: applicant.adminEmail,
    subscription_plan: applicant.plan,
    validation_summary: { total: results.length, passed: counted("PASSED"), failed, warnings: counted("WARNING") },
    validation_results: results.map(({ check, status: outcome, message }) => ({ check, status: outcome, message })),
    message: failed === 0 ? "Ready for onboarding." : `${failed} of ${results.length} checks failed.`,
  };
}

/** Where an organization of the asked name would stand. */
export interface Place {
  slug: "free" | "taken" | "retired";
  /** `none`: there is no dataset of that name yet. `adoptable`: there is one that no organization holds. */
  dataset: "none" | "own" | "adoptable" | "foreign";
}

/** The rules of the request and those that need the stores. */
export async function fullExamination(
  request: AskedOrganization,
  ports: OnboardingPorts,
): Promise<{ applicant: Applicant; results: CheckResult[]; place: Place }> {
  const { applicant, results } = await examine(request, ports.config.DATASET_LOCATION);
  const hasForm = results.every((result) => result.check !== "slug_format" || result.status === "PASSED");
  if (!hasForm) return { applicant, results, place: { slug: "free", dataset: "none" } };
  const [isReady, areKeysUsable] = await Promise.all([isBootstrapped(ports.documents), keysWork(ports.keys)]);
  const place = await placeOf(applicant, isReady, ports);
  const stored = storedChecks(place, { isReady, areKeysUsable }, request);
  return { applicant, results: [...results, ...stored, mailCheck(ports.config)], place };
}

function storedChecks(
  place: Place,
  { isReady, areKeysUsable }: { isReady: boolean; areKeysUsable: boolean },
  request: AskedOrganization,
): CheckResult[] {
  const result = (check: string, code: string, isRight: boolean, problem: string): CheckResult => ({
    check,
    status: isRight ? "PASSED" : "FAILED",
    message: isRight ? "ok" : problem,
    field: check === "slug_available" || check === "dataset_free" ? "/org_slug" : "",
    code,
  });
  const isRetired = place.slug === "retired";
  const isSlugRight =
    place.slug === "free" || (place.slug === "taken" && request.regenerate_api_key_if_exists === true);
  const isAdopted = place.dataset === "adoptable" && request.adopt_existing_dataset === true;
  const isDatasetRight = place.dataset === "none" || place.dataset === "own" || isAdopted;
  const unready = "the platform is not bootstrapped: call POST /api/v1/admin/bootstrap";
  const taken = isRetired ? "belonged to an organization whose data is not erased yet" : "is taken";
  return [
    result("bootstrap_complete", "NOT_BOOTSTRAPPED", isReady, unready),
    result("slug_available", isRetired ? "ORG_SLUG_RETIRED" : "ORG_EXISTS", isSlugRight, taken),
    result("dataset_free", "DATASET_EXISTS", isDatasetRight, "its dataset exists and is not this organization's"),
    result("keys_usable", "KEYS_UNAVAILABLE", areKeysUsable, "the key service cannot be reached"),
  ];
}

function mailCheck({ MAIL_URL }: Configuration): CheckResult {
  const isSet = MAIL_URL !== undefined;
  const message = isSet ? "ok" : "MAIL_URL is not set: the owner's invitation is not mailed";
  return { check: "mail_configured", status: isSet ? "PASSED" : "WARNING", message, field: "" };
}

/** Whether slug and dataset are free, or belong to an attempt or a deleted organization that may be taken up. */
async function placeOf(applicant: Applicant, isReady: boolean, ports: OnboardingPorts): Promise<Place> {
  const stored = async (): Promise<OrgDocument | undefined> => {
    const { body } = await ports.documents.get<OrgDocument>(orgPath(applicant.key));
    return body?.state === "ERASED" ? undefined : body;
  };
  const before = await stored();
  const slug = slugPlace(before, applicant);
  if (!isReady || slug !== "free") return { slug, dataset: "none" };
  const dataset = await ports.warehouse.describeDataset(
    before?.dataset.id ?? datasetIdOf(applicant.slug, ports.config),
  );
  if (dataset === undefined) return { slug, dataset: "none" };
  // A call at the same time may have taken the slug and made this dataset after the first look.
  const org = await stored();
  const isOwn = org !== undefined && dataset.label?.toLowerCase() === org.orgId.toLowerCase();
  const held = isOwn ? "own" : await holderOf(dataset.label, ports.documents);
  return { slug: slugPlace(org, applicant), dataset: held };
}

/** A label that is the id of an organization whose keys stand is never taken from it; nor is the operator's own. */
async function holderOf(label: string | undefined, documents: Documents): Promise<"adoptable" | "foreign"> {
  if (label === "platform") return "foreign";
  if (!label?.startsWith("org_")) return "adoptable";
  return (await documents.get(orgKeysPath(label))).body === undefined ? "adoptable" : "foreign";
}

function slugPlace(org: OrgDocument | undefined, applicant: Applicant): Place["slug"] {
  if (org === undefined || org.state === "PROVISIONING") return "free";
  if (org.state !== "DELETED") return "taken";
  return comparableEmail(org.adminEmail) === comparableEmail(applicant.adminEmail) ? "free" : "retired";
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
