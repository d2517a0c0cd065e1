import { type Static, Type } from "@sinclair/typebox";
import { orgKeyOf } from "#shared/access/org-slug.ts";
import { emailAddress } from "#shared/people/email.ts";
import { type PlanName, planNamed, planNames, plans } from "#shared/plans/plans.ts";
import type { FieldProblem } from "#shared/runtime/errors.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import { completeLocale, localeProblems, locales } from "./locale.ts";
import type { OrgLocale } from "./organization.ts";
import { reservedSlugs } from "./reserved-slugs.ts";

const optional = Type.Optional;

/** What refuses to make an organization, whoever asks for it. */
export const onboardingErrors = [
  "INVALID_ONBOARDING",
  "ORG_EXISTS",
  "ORG_SLUG_RETIRED",
  "ONBOARDING_IN_PROGRESS",
  "DATASET_EXISTS",
  "NOT_BOOTSTRAPPED",
] as const;

/** Wide on purpose: what is wrong with a value is told by `examine`, for all fields at once. */
const text = plainText(0, 1000);

/** Body of onboarding and dry run; only types are checked here. */
export const OnboardingRequest = strictObject({
  org_slug: text,
  company_name: text,
  admin_email: text,
  subscription_plan: optional(text),
  default_currency: optional(text),
  default_timezone: optional(text),
  default_country: optional(text),
  default_language: optional(text),
  fiscal_year_start_month: optional(Type.Integer({ description: "1 to 12" })),
  date_format: optional(text),
  dataset_location: optional(text),
  regenerate_api_key_if_exists: optional(
    Type.Boolean({ description: "A new primary key for an organization that exists" }),
  ),
  adopt_existing_dataset: optional(
    Type.Boolean({ description: "Take over a dataset of this name that belongs to no organization, with its rows" }),
  ),
  force_recreate_dataset: optional(Type.Literal(false)),
  force_recreate_tables: optional(Type.Literal(false)),
});
export type OnboardingRequest = Static<typeof OnboardingRequest>;

/** What is examined: older clients may name nobody to write to. */
export type AskedOrganization = Omit<OnboardingRequest, "admin_email"> & { admin_email?: string };

/** An onboarding request that has passed every check, with its defaults. */
export interface Applicant {
  slug: string;
  key: string;
  companyName: string;
  /** Empty where an older client names nobody. */
  adminEmail: string;
  plan: PlanName;
  locale: OrgLocale;
  location: string;
}

/** Result of one check of the dry run. */
export interface CheckResult {
  check: string;
  status: "PASSED" | "FAILED" | "WARNING";
  message: string;
  field: string;
  /** The error of a check that is no fault of the request. */
  code?: string;
}

const locationPattern = /^([A-Z]{2}|[a-z]+-[a-z]+\d+)$/;

/** Applies every rule that needs no store; `applicant` is only meaningful when no result is FAILED. */
export async function examine(
  request: AskedOrganization,
  defaultLocation: string,
): Promise<{ applicant: Applicant; results: CheckResult[] }> {
  const [lists, catalogue, reserved] = await Promise.all([locales(), plans(), reservedSlugs()]);
  const key = request.org_slug.toLowerCase();
  const plan = planNamed(request.subscription_plan ?? "FREE", catalogue);
  const locale = completeLocale(request, lists);
  const location = request.dataset_location ?? defaultLocation;
  const companyName = request.company_name.normalize("NFC").trim();
  const nameLength = [...companyName].length;
  const adminEmail = request.admin_email === undefined ? "" : emailAddress(request.admin_email);
  const problems = localeProblems(locale, lists);
  const zoneProblems = problems.filter(({ path }) => path === "/default_timezone");
  const otherProblems = problems.filter(({ path }) => path !== "/default_timezone");
  const check = (name: string, field: string, isRight: boolean, problem: string): CheckResult => ({
    check: name,
    status: isRight ? "PASSED" : "FAILED",
    message: isRight ? "ok" : problem,
    field,
  });
  const results = [
    check(
      "slug_format",
      "/org_slug",
      orgKeyOf(request.org_slug) !== undefined,
      "must be 3 to 50 letters, digits or underscores, not of the form __x__",
    ),
    check("slug_reserved", "/org_slug", !reserved.has(key), "is a reserved word"),
    check("company_name", "/company_name", nameLength >= 2 && nameLength <= 200, "must have 2 to 200 characters"),
    check("email_format", "/admin_email", adminEmail !== undefined, "must be an e-mail address"),
    check("plan_known", "/subscription_plan", plan !== undefined, `must be one of ${planNames.join(", ")}`),
    ...localeChecks("currency_supported", "/default_currency", otherProblems),
    ...localeChecks("timezone_known", "/default_timezone", zoneProblems),
    check(
      "location_allowed",
      "/dataset_location",
      locationPattern.test(location),
      "must be a BigQuery location such as US or europe-west1",
    ),
  ];
  return {
    applicant: {
      slug: request.org_slug,
      key,
      companyName,
      adminEmail: adminEmail ?? (request.admin_email ?? "").trim(),
      plan: plan ?? "FREE",
      locale,
      location,
    },
    results,
  };
}

/** One result per problem, or one that passed. */
function localeChecks(check: string, field: string, problems: readonly FieldProblem[]): CheckResult[] {
  if (problems.length === 0) return [{ check, status: "PASSED", message: "ok", field }];
  return problems.map(({ path, problem }) => ({ check, status: "FAILED", message: problem, field: path }));
}
