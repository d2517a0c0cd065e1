import { expect, test } from "vitest";
import { loadMinorDigits, minorDigits, parseMinorDigits } from "./currencies.ts";

const offered =
  "USD EUR GBP JPY:0 CHF CAD AUD CNY INR SGD HKD NZD SEK KRW:0 AED SAR QAR KWD:3 BHD:3 OMR:3 BRL CZK DKK HUF IDR ILS ISK:0 MXN MYR NOK PHP PLN RON THB TRY ZAR";

// organizations.md 3, locales
test.each(offered.split(" "))("knows the minor digits of %s", async (entry) => {
  const [code = "", digits = "2"] = entry.split(":");

  const currencies = await loadMinorDigits();

  expect(minorDigits(currencies, code)).toBe(Number(digits));
});

test.each(["XAU", "usd", "", "__proto__", "toString"])("refuses the currency %j instead of guessing", async (code) => {
  const currencies = await loadMinorDigits();

  expect(() => minorDigits(currencies, code)).toThrow(expect.objectContaining({ code: "CURRENCY_UNKNOWN" }));
});

test.each([
  ["no list", {}],
  ["a code in lower case", { minor_digits: { usd: 2 } }],
  ["a fraction of a digit", { minor_digits: { USD: 2.5 } }],
])("refuses a file with %s", (_, file) => {
  expect(() => parseMinorDigits(file)).toThrow(expect.objectContaining({ code: "CONFIG_FILE_INVALID" }));
});
