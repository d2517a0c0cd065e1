import { type Static, Type } from "@sinclair/typebox";
import type { Caller } from "#shared/access/caller.ts";
import { planNamed, plans } from "#shared/plans/plans.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import type { OnboardingPorts } from "./dryrun.ts";
import { createOwnOrganization, onboard } from "./onboarding.ts";
import { OnboardingReport } from "./onboarding-report.ts";
import { OnboardingRequest } from "./onboarding-request.ts";

const fields = OnboardingRequest.properties;

/** What a person may say about the organization they make; they are its owner and its address. */
export const SignUpRequest = strictObject({
  org_slug: fields.org_slug,
  company_name: fields.company_name,
  subscription_plan: fields.subscription_plan,
  default_currency: fields.default_currency,
  default_timezone: fields.default_timezone,
  default_country: fields.default_country,
  default_language: fields.default_language,
  fiscal_year_start_month: fields.fiscal_year_start_month,
  date_format: fields.date_format,
  dataset_location: fields.dataset_location,
});
export type SignUpRequest = Static<typeof SignUpRequest>;

const { owner_invite: _, ...signUpFields } = OnboardingReport.properties;
export const SignUpReport = strictObject(signUpFields);
export type SignUpReport = Static<typeof SignUpReport>;

/** Body of older operators' tools. */
export const AdminOrganizationRequest = strictObject({
  org_slug: fields.org_slug,
  description: Type.Optional(plainText(0, 200)),
  admin_email: Type.Optional(fields.admin_email),
});
export type AdminOrganizationRequest = Static<typeof AdminOrganizationRequest>;

type Given = OnboardingPorts & Surroundings;

/**
 * A person makes an organization of their own, on FREE or with the trial of PROFESSIONAL. Throws `SIGNUP_CLOSED` where
 * the operator makes organizations, `PLAN_LIMIT_REACHED` beyond 3 in a day or 10 owned. Source: `organizations.md` 3.
 */
export async function signUp(
  asked: { caller: Caller; request: SignUpRequest },
  effects: Effects<SignUpReport>,
  given: Given,
): Promise<SignUpReport> {
  const { caller, request } = asked;
  if (!isSignUpOpen(given.config))
    throw new AppError("SIGNUP_CLOSED", "Organizations are made by the operator of this installation.");
  if (caller.kind !== "person") throw new AppError("FORBIDDEN", "Only a signed-in person may do this.");
  await refuseSoldPlan(request.subscription_plan ?? "FREE");
  const { kind: _kind, ...person } = caller;
  return createOwnOrganization(request, person, effects, given);
}

/** The same engine for older operators' tools: plan FREE, and no owner's invite where nobody is named. */
export function adminCreate(
  { org_slug, description = "", admin_email }: AdminOrganizationRequest,
  effects: Effects<OnboardingReport>,
  given: Given,
): Promise<OnboardingReport> {
  const company_name = description.trim().length >= 2 ? description : org_slug;
  return onboard({ org_slug, company_name, ...(admin_email === undefined ? {} : { admin_email }) }, effects, given);
}

async function refuseSoldPlan(name: string): Promise<void> {
  const catalogue = await plans();
  const plan = planNamed(name, catalogue);
  if (plan === undefined || plan === "FREE" || catalogue[plan].trial_days > 0) return;
  const problem = "is bought, not chosen: begin with FREE or PROFESSIONAL";
  throw new AppError("INVALID_ONBOARDING", `subscription_plan ${problem}.`, {
    fields: [{ path: "/subscription_plan", problem }],
  });
}

function isSignUpOpen({ SELF_SIGNUP, PLATFORM }: Given["config"]): boolean {
  return SELF_SIGNUP === undefined ? PLATFORM === "embedded" : SELF_SIGNUP === "true";
}
