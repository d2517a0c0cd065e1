import { Type } from "@sinclair/typebox";
import { AppError } from "#shared/runtime/errors.ts";
import { nullable } from "#shared/runtime/schema.ts";

export const orgStates = ["PROVISIONING", "ACTIVE", "DELETED", "ERASED"] as const;
export type OrgState = (typeof orgStates)[number];

/** Document `orgs/{key}`; the key is the lower-case slug. */
export interface OrgDocument {
  slug: string;
  orgId: string;
  state: OrgState;
  companyName: string;
  adminEmail: string;
  /** What else the organization tells about itself; absent until somebody has. */
  profile?: OrgProfile;
  locale: OrgLocale;
  dataset: { id: string; location: string };
  onboarding: { leaseUntil: string; fingerprint: string; attempt: number } | null;
  onboardedAt: string | null;
  /** The one owner; null or absent while the owner invite is open. */
  ownerUserId?: string | null;
  /** Once and for ever, whatever becomes of the organization. */
  trialUsed: boolean;
  /** Kept while a deleted organization is on its way back, so that a failure leaves it deleted. */
  deletedAt?: string | null;
  /** From then on its data is erased. */
  purgeAfter?: string | null;
  /** Grows when the organization's dataset had to be made anew: months of an older epoch count as empty. */
  ledgerEpoch: number;
  /** Part of every cache key of what is read from the ledger. */
  cacheEpoch: number;
}

export interface OrgLocale {
  /** ISO 4217. */
  defaultCurrency: string;
  /** ISO 3166-1 alpha-2. */
  defaultCountry: string;
  defaultLanguage: string;
  /** IANA zone. */
  defaultTimezone: string;
  /** 1 to 12. */
  fiscalYearStartMonth: number;
  dateFormat: string;
}

export interface OrgProfile {
  legalName: string | null;
  contactName: string | null;
  contactPhone: string | null;
  address: OrgAddress | null;
  taxId: string | null;
  /** https; stored, never fetched. */
  logoUrl: string | null;
}

export interface OrgAddress {
  line1: string | null;
  line2: string | null;
  city: string | null;
  region: string | null;
  postalCode: string | null;
  /** ISO 3166-1 alpha-2. */
  country: string | null;
}

/** Members of the locale as they stand in answers. */
export const localeFields = {
  default_currency: Type.String(),
  default_country: Type.String(),
  default_language: Type.String(),
  default_timezone: Type.String(),
  fiscal_year_start_month: Type.Integer(),
  date_format: Type.String(),
};

export const nullableInstant = nullable(Type.String({ format: "date-time" }));

export function orgPath(key: string): string {
  return `orgs/${key}`;
}

export function localeAnswer(locale: OrgLocale) {
  return {
    default_currency: locale.defaultCurrency,
    default_country: locale.defaultCountry,
    default_language: locale.defaultLanguage,
    default_timezone: locale.defaultTimezone,
    fiscal_year_start_month: locale.fiscalYearStartMonth,
    date_format: locale.dateFormat,
  };
}

/** `{slug}_{suffix}`: where the organization's rows lie (`organizations.md` 1). */
export function datasetIdOf(
  slug: string,
  config: { ENVIRONMENT: string; DATASET_SUFFIX?: string | undefined },
): string {
  const suffixes: Record<string, string> = { production: "prod", staging: "stage", development: "local", test: "test" };
  return `${slug}_${config.DATASET_SUFFIX ?? suffixes[config.ENVIRONMENT] ?? "local"}`;
}

/** The organization's document, or 404. */
export function existingOrg(body: OrgDocument | undefined): OrgDocument {
  if (body === undefined) throw new AppError("ORG_NOT_FOUND", "There is no such organization.");
  return body;
}
