import { configFile } from "#shared/platform/config-files.ts";
import type { FieldProblem } from "#shared/runtime/errors.ts";
import type { OrgLocale } from "./organization.ts";

/** `configs/locales.yml`. */
export interface Locales {
  currencies: string[];
  languages: string[];
  country_of_currency: Record<string, string>;
  fiscal_year_start_of_country: Record<string, number>;
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
  const country = (request.default_country ?? lists.country_of_currency[currency] ?? "US").toUpperCase();
  return {
    defaultCurrency: currency,
    defaultCountry: country,
    defaultLanguage: (request.default_language ?? "en").toLowerCase(),
    defaultTimezone: request.default_timezone ?? "UTC",
    fiscalYearStartMonth: request.fiscal_year_start_month ?? lists.fiscal_year_start_of_country[country] ?? 1,
    dateFormat: request.date_format ?? lists.date_format_of_country[country] ?? lists.default_date_format,
  };
}

/** Everything that is not in the lists of `organizations.md` 3. */
export function localeProblems(locale: OrgLocale, lists: Locales): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const check = (isRight: boolean, path: string, problem: string): void => {
    if (!isRight) problems.push({ path, problem });
  };
  check(lists.currencies.includes(locale.defaultCurrency), "/default_currency", "is not a supported currency");
  check(/^[A-Z]{2}$/.test(locale.defaultCountry), "/default_country", "must be an ISO 3166-1 alpha-2 code");
  check(lists.languages.includes(locale.defaultLanguage), "/default_language", "is not a supported language");
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
