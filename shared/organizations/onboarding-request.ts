import { type Static, Type } from "@sinclair/typebox";
import { configFile } from "#shared/platform/config-files.ts";
import type { FieldProblem } from "#shared/runtime/errors.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import { completeLocale, localeProblems, locales } from "./locale.ts";
import type { OrgLocale } from "./organization.ts";
import { type PlanName, planNames, plans } from "./plans.ts";

const optional = Type.Optional;

/** Body of onboarding and dry run. The rules beyond the types are checked by `examine`, all at once. */
export const OnboardingRequest = strictObject({
  org_slug: Type.String({ minLength: 1, maxLength: 200 }),
  company_name: plainText(0, 1000),
  admin_email: plainText(0, 1000),
  subscription_plan: optional(plainText(1, 50)),
  default_currency: optional(plainText(1, 20)),
  default_timezone: optional(plainText(1, 100)),
  default_country: optional(plainText(1, 20)),
  default_language: optional(plainText(1, 20)),
  fiscal_year_start_month: optional(Type.Integer({ minimum: 1, maximum: 12 })),
  date_format: optional(plainText(1, 30)),
  dataset_location: optional(Type.String({ minLength: 2, maxLength: 40 })),
  force_recreate_dataset: optional(Type.Literal(false)),
  force_recreate_tables: optional(Type.Literal(false)),
});
export type OnboardingRequest = Static<typeof OnboardingRequest>;

/** An onboarding request that has passed every check, with its defaults. */
export interface Applicant {
  slug: string;
  key: string;
  companyName: string;
  adminEmail: string;
  plan: PlanName;
  locale: OrgLocale;
  location: string;
}

/** Result of one check of the dry run. */
export interface CheckResult {
  check: string;
  status: "PASSED" | "FAILED";
  message: string;
  field: string;
}

const locationPattern = /^([A-Z]{2}|[a-z]+-[a-z]+\d+)$/;

/** Applies every rule that needs no store; `applicant` is only meaningful when no result is FAILED. */
export async function examine(
  request: OnboardingRequest,
  defaultLocation: string,
): Promise<{ applicant: Applicant; results: CheckResult[] }> {
  const [lists, catalogue, reserved] = await Promise.all([locales(), plans(), configFile("system/reserved-slugs.yml")]);
  const key = request.org_slug.toLowerCase();
  const asked = (request.subscription_plan ?? "FREE").toUpperCase();
  const plan = planNames.find((name) => name === asked || catalogue[name].aliases.includes(asked));
  const locale = completeLocale(request, lists);
  const location = request.dataset_location ?? defaultLocation;
  const companyName = request.company_name.normalize("NFC").trim();
  const adminEmail = request.admin_email.trim();
  const problems = localeProblems(locale, lists);
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
      /^[a-zA-Z0-9_]{3,50}$/.test(request.org_slug),
      "must be 3 to 50 letters, digits or underscores",
    ),
    check("slug_reserved", "/org_slug", !(reserved as { slugs: string[] }).slugs.includes(key), "is a reserved word"),
    check(
      "company_name",
      "/company_name",
      companyName.length >= 2 && companyName.length <= 200,
      "must have 2 to 200 characters",
    ),
    check("email_format", "/admin_email", isEmail(adminEmail), "must be an e-mail address"),
    check("plan_known", "/subscription_plan", plan !== undefined, `must be one of ${planNames.join(", ")}`),
    localeCheck(
      "currency_supported",
      ["/default_currency", "/default_country", "/default_language", "/date_format"],
      problems,
    ),
    localeCheck("timezone_known", ["/default_timezone"], problems),
    check(
      "location_allowed",
      "/dataset_location",
      locationPattern.test(location),
      "must be a BigQuery location such as US or europe-west1",
    ),
  ];
  return {
    applicant: { slug: request.org_slug, key, companyName, adminEmail, plan: plan ?? "FREE", locale, location },
    results,
  };
}

function localeCheck(name: string, paths: readonly string[], problems: readonly FieldProblem[]): CheckResult {
  const found = problems.find((problem) => paths.includes(problem.path));
  return {
    check: name,
    status: found === undefined ? "PASSED" : "FAILED",
    message: found?.problem ?? "ok",
    field: found?.path ?? paths[0] ?? "",
  };
}

/** One `@`, at most 254 characters, no spaces. */
function isEmail(text: string): boolean {
  return text.length <= 254 && /^[^@\s]+@[^@\s]+$/.test(text);
}
