import { type Static, Type } from "@sinclair/typebox";
import { loadMinorDigits, minorDigits } from "#shared/money/currencies.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { completeLocale, dateFormatOf, fiscalYearStart, locales } from "./locale.ts";
import { localeAnswer, localeFields } from "./organization.ts";

const text = Type.String();
const month = Type.Integer({ minimum: 1, maximum: 12 });

/** What an organization may choose, with names and what each choice brings by default. */
export const LocaleLists = strictObject({
  currencies: Type.Array(
    strictObject({ code: text, name: text, symbol: text, decimals: Type.Integer(), default_country: text }),
  ),
  languages: Type.Array(strictObject({ code: text, name: text, native_name: text, rtl: Type.Boolean() })),
  countries: Type.Array(strictObject({ code: text, name: text, fiscal_year_start_month: month, date_format: text })),
  featured_timezones: Type.Array(text),
  timezones: Type.Array(text, { description: "Every IANA zone that this platform knows" }),
  date_formats: Type.Array(text),
  fiscal_year: strictObject({
    default_start_month: month,
    start_month_by_country: Type.Record(text, month),
  }),
  defaults: strictObject(localeFields),
});
export type LocaleLists = Static<typeof LocaleLists>;

export async function localeLists(): Promise<LocaleLists> {
  const [lists, digits] = await Promise.all([locales(), loadMinorDigits()]);
  return {
    currencies: Object.entries(lists.currencies).map(([code, { name, symbol, country }]) => {
      return { code, name, symbol, decimals: minorDigits(digits, code), default_country: country };
    }),
    languages: Object.entries(lists.languages).map(([code, language]) => ({ code, ...language })),
    countries: Object.entries(lists.countries).map(([code, name]) => {
      const date_format = dateFormatOf(code, lists);
      return { code, name, fiscal_year_start_month: fiscalYearStart(code, lists), date_format };
    }),
    featured_timezones: lists.featured_time_zones,
    timezones: [...new Set([...lists.featured_time_zones, ...Intl.supportedValuesOf("timeZone")])].sort(),
    date_formats: lists.date_formats,
    fiscal_year: {
      default_start_month: lists.default_fiscal_year_start,
      start_month_by_country: lists.fiscal_year_start_of_country,
    },
    defaults: localeAnswer(completeLocale({}, lists)),
  };
}
