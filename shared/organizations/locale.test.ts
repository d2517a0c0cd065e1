import { describe, expect, it } from "vitest";
import { loadMinorDigits, minorDigits } from "#shared/money/currencies.ts";
import { completeLocale, localeProblems, locales } from "./locale.ts";

// `organizations.md` 3, Profile and locale; a code with digits has others than 2.
const currencies =
  "USD EUR GBP JPY:0 CHF CAD AUD CNY INR SGD HKD NZD SEK KRW:0 AED SAR QAR KWD:3 BHD:3 OMR:3 BRL CZK DKK HUF IDR ILS ISK:0 MXN MYR NOK PHP PLN RON THB TRY ZAR".split(
    " ",
  );
const zones =
  "UTC America/New_York America/Chicago America/Denver America/Los_Angeles Europe/London Europe/Paris Europe/Berlin Asia/Dubai Asia/Riyadh Asia/Kolkata Asia/Singapore Asia/Tokyo Asia/Shanghai Australia/Sydney Pacific/Auckland".split(
    " ",
  );
const plain = { default_currency: "USD", default_timezone: "UTC" };

describe("what an organization may choose (organizations.md 3)", () => {
  it("is every listed currency with its minor digits, and no other", async () => {
    const [lists, digits] = [await locales(), await loadMinorDigits()];

    const known = Object.keys(lists.currencies).map((code) => {
      const count = minorDigits(digits, code);
      return count === 2 ? code : `${code}:${count}`;
    });

    expect(known).toEqual(currencies);
    expect(Object.values(lists.currencies).every(({ name, symbol }) => name !== "" && symbol !== "")).toBe(true);
    expect(Object.values(lists.currencies).filter(({ country }) => !Object.hasOwn(lists.countries, country))).toEqual(
      [],
    );
  });

  it("is every listed language, right to left where it is, and all countries of ISO 3166-1", async () => {
    const lists = await locales();

    expect(Object.keys(lists.languages)).toEqual("en ar de fr ja zh hi es pt ko".split(" "));
    expect(Object.keys(lists.languages).filter((code) => lists.languages[code]?.rtl)).toEqual(["ar"]);
    expect(Object.keys(lists.countries)).toHaveLength(249);
    expect(Object.keys(lists.countries).every((code) => /^[A-Z]{2}$/.test(code))).toBe(true);
  });

  it("is any zone of the runtime, with the listed ones first, and no fixed offset", async () => {
    const lists = await locales();
    const problems = (default_timezone: string) =>
      localeProblems(completeLocale({ ...plain, default_timezone }, lists), lists).map(({ path }) => path);

    expect(lists.featured_time_zones).toEqual(zones);
    const all = [...zones, ...Intl.supportedValuesOf("timeZone")];
    expect(all.filter((zone) => problems(zone).length > 0)).toEqual([]);
    for (const wrong of ["+02:00", "-0330", "Europe/Atlantis", "", "UTC+2"])
      expect(problems(wrong), wrong).toEqual(["/default_timezone"]);
  });

  it("is every listed date format", async () => {
    const { date_formats } = await locales();

    expect(date_formats).toEqual([
      ...["MM/DD/YYYY", "DD/MM/YYYY", "YYYY-MM-DD"],
      ...["DD-MMM-YYYY", "MMM DD, YYYY", "DD MMM YYYY"],
    ]);
  });
});

describe("what nobody has chosen", () => {
  it.each([
    ["USD", "US", 1, "MM/DD/YYYY"],
    ["EUR", "DE", 1, "YYYY-MM-DD"],
    ["GBP", "GB", 4, "YYYY-MM-DD"],
    ["INR", "IN", 4, "YYYY-MM-DD"],
    ["JPY", "JP", 4, "YYYY-MM-DD"],
    ["CAD", "CA", 4, "YYYY-MM-DD"],
    ["HKD", "HK", 4, "YYYY-MM-DD"],
    ["NZD", "NZ", 4, "YYYY-MM-DD"],
    ["AUD", "AU", 7, "YYYY-MM-DD"],
    ["CHF", "CH", 1, "YYYY-MM-DD"],
  ])(
    "follows from the currency %s: country %s, fiscal year from month %i, dates as %s",
    async (currency, ...expected) => {
      const { defaultCountry, fiscalYearStartMonth, dateFormat } = completeLocale(
        { default_currency: currency },
        await locales(),
      );

      expect([defaultCountry, fiscalYearStartMonth, dateFormat]).toEqual(expected);
    },
  );

  it("follows from the country where that is named, and gives way to what is named itself", async () => {
    const lists = await locales();

    const egypt = completeLocale({ default_currency: "USD", default_country: "EG" }, lists);
    const own = completeLocale(
      { default_country: "eg", fiscal_year_start_month: 2, date_format: "DD MMM YYYY" },
      lists,
    );

    expect([egypt.fiscalYearStartMonth, egypt.dateFormat]).toEqual([7, "YYYY-MM-DD"]);
    expect([own.defaultCountry, own.fiscalYearStartMonth, own.dateFormat]).toEqual(["EG", 2, "DD MMM YYYY"]);
  });
});
