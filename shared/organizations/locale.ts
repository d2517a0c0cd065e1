import { configFile } from "#shared/platform/config-files.ts";
import type { FieldProblem } from "#shared/runtime/errors.ts";
import type { OrgLocale } from "./organization.ts";

/** `configs/locales.yml`. */
export interface Locales {
  /** By ISO 4217 code. */
  currencies: Record<string, { name: string; symbol: string; country: string }>;
  /** By ISO 639-1 code. */
  languages: Record<string, { name: string; native_name: string; rtl: boolean }>;
  /** Names by ISO 3166-1 alpha-2 code. */
  countries: Record<string, string>;
  featured_time_zones: string[];
  /** First month of the fiscal year, where it is not the default. */
  fiscal_year_start_of_country: Record<string, number>;
  default_fiscal_year_start: number;
  date_formats: string[];
  date_format_of_country: Record<string, string>;
  default_date_format: string;
}

/** Locale fields as a request gives them. */
export interface LocaleRequest {
  default_currency?: string;
  default_country?: string;
  default_language?: string;
  default_timezone?: string;
  fiscal_year_start_month?: number;
  date_format?: string;
}

let loaded: Promise<Locales> | undefined;

export function locales(): Promise<Locales> {
  loaded ??= configFile("locales.yml").then((content) => content as Locales);
  return loaded;
}

/** The locale with its defaults: the country from the currency, fiscal year and date format from the country. */
export function completeLocale(request: LocaleRequest, lists: Locales): OrgLocale {
  const currency = (request.default_currency ?? "USD").toUpperCase();
  const country = (request.default_country ?? lists.currencies[currency]?.country ?? "US").toUpperCase();
  return {
    defaultCurrency: currency,
    defaultCountry: country,
    defaultLanguage: (request.default_language ?? "en").toLowerCase(),
    defaultTimezone: request.default_timezone ?? "UTC",
    fiscalYearStartMonth: request.fiscal_year_start_month ?? fiscalYearStart(country, lists),
    dateFormat: request.date_format ?? dateFormatOf(country, lists),
  };
}

/** First month, 1 to 12, of the fiscal year in the country. */
export function fiscalYearStart(country: string, lists: Locales): number {
  return lists.fiscal_year_start_of_country[country] ?? lists.default_fiscal_year_start;
}

export function dateFormatOf(country: string, lists: Locales): string {
  return lists.date_format_of_country[country] ?? lists.default_date_format;
}

/** The stored locale with the members that the request names; the others stay, whatever would be their default. */
export function changedLocale(stored: OrgLocale, request: LocaleRequest): OrgLocale {
  return {
    defaultCurrency: request.default_currency?.toUpperCase() ?? stored.defaultCurrency,
    defaultCountry: request.default_country?.toUpperCase() ?? stored.defaultCountry,
    defaultLanguage: request.default_language?.toLowerCase() ?? stored.defaultLanguage,
    defaultTimezone: request.default_timezone ?? stored.defaultTimezone,
    fiscalYearStartMonth: request.fiscal_year_start_month ?? stored.fiscalYearStartMonth,
    dateFormat: request.date_format ?? stored.dateFormat,
  };
}

/** Everything that is not in the lists of `organizations.md` 3. */
export function localeProblems(locale: OrgLocale, lists: Locales): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const check = (isRight: boolean, path: string, problem: string): void => {
    if (!isRight) problems.push({ path, problem });
  };
  check(Object.hasOwn(lists.currencies, locale.defaultCurrency), "/default_currency", "is not a supported currency");
  check(
    Object.hasOwn(lists.countries, locale.defaultCountry),
    "/default_country",
    "must be an ISO 3166-1 alpha-2 code",
  );
  check(Object.hasOwn(lists.languages, locale.defaultLanguage), "/default_language", "is not a supported language");
  check(isTimeZone(locale.defaultTimezone), "/default_timezone", "must be an IANA time zone");
  check(isMonth(locale.fiscalYearStartMonth), "/fiscal_year_start_month", "must be 1 to 12");
  check(lists.date_formats.includes(locale.dateFormat), "/date_format", "is not a supported date format");
  return problems;
}

function isMonth(month: number): boolean {
  return Number.isInteger(month) && month >= 1 && month <= 12;
}

/** An IANA zone that the runtime knows; fixed offsets such as `+02:00` are none. */
export function isTimeZone(zone: string): boolean {
  if (/^[+-]/.test(zone)) return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
