import { describe, expect, it } from "vitest";
import { checkedRates, shippedRates } from "./fx-shipped.ts";

const peg = { currency: "AED", units_per_usd: "3.6725", quality: "exact" };
const seed = { base: "USD", currency: "EUR", rate: "0.92", as_of: "2025-12-14" };

describe("rates that are shipped", () => {
  // prices-and-plans.md D
  it("are the pegs and the approximate rates of 2025-12-14", async () => {
    const { pegs, seed: set } = await shippedRates();

    const text = (rates: ReadonlyMap<string, { toFixed(): string }>) =>
      [...rates].map(([currency, rate]) => `${currency} ${rate.toFixed()}`).join(", ");
    expect(text(pegs)).toBe("AED 3.6725, SAR 3.75, QAR 3.64, OMR 0.3845, BHD 0.376, KWD 0.3075");
    expect(set).toMatchObject({ day: "2025-12-14", base: "USD", source: "seed" });
    expect(text(set.rates)).toBe(
      "EUR 0.92, GBP 0.79, INR 83.12, AED 3.6725, SAR 3.75, JPY 149.5, CAD 1.36, AUD 1.53, SGD 1.34, CHF 0.88, CNY 7.24, HKD 7.78, NZD 1.67, SEK 10.45, KRW 1320, QAR 3.64, KWD 0.31, BHD 0.376, OMR 0.3845, USD 1",
    );
  });

  it.each([
    ["a rate of 0", [peg], [{ ...seed, rate: "0" }]],
    ["a peg in words", [{ ...peg, units_per_usd: "about 3" }], [seed]],
    ["a currency twice", [peg, peg], [seed]],
    ["a code in lower case", [peg], [{ ...seed, currency: "eur" }]],
    ["two bases", [peg], [seed, { ...seed, base: "EUR", currency: "GBP" }]],
    ["two days", [peg], [seed, { ...seed, as_of: "2025-12-15", currency: "GBP" }]],
    ["an impossible day", [peg], [{ ...seed, as_of: "2025-02-29" }]],
  ])("are refused with %s", (_, pegs, seeds) => {
    expect(() => checkedRates(pegs, seeds)).toThrow(expect.objectContaining({ code: "CONFIG_FILE_INVALID" }));
  });
});
