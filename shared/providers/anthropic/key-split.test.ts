import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amountText, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { splitByTokens } from "./key-split.ts";

const texts = (amount: string, shares: { keyId: string | null; tokens: number }[]) =>
  splitByTokens(parseAmount(amount), shares).map(amountText);

const shares = fc.uniqueArray(
  fc.record({
    keyId: fc.option(fc.string({ minLength: 1, maxLength: 20 })),
    tokens: fc.oneof(
      fc.integer({ min: 1, max: 10 }),
      fc.maxSafeInteger().map((value) => Math.abs(value) || 1),
    ),
  }),
  { minLength: 1, maxLength: 1000, selector: ({ keyId }) => keyId },
);
/** 10^-12 to 10^12, negative too. */
const amounts = fc
  .bigInt({ min: -(10n ** 24n), max: 10n ** 24n })
  .map((units) => parseAmount(String(units)).times("1e-12"));

// Source: provider-adapters.md 3.2 and 3.13.
describe("splitByTokens", () => {
  it.each([
    ["3.60", [700001, 499999], ["2.100003", "1.499997"]],
    ["1.00", [1, 1, 1], ["0.333333333334", "0.333333333333", "0.333333333333"]],
    ["1.00", [1, 2, 1], ["0.25", "0.5", "0.25"]],
    ["0.000000000001", [1, 5], ["0", "0.000000000001"]],
    ["-1.00", [1, 1, 1], ["-0.333333333334", "-0.333333333333", "-0.333333333333"]],
    ["0", [1, 2], ["0", "0"]],
    ["999999999999.999999999999", [1], ["999999999999.999999999999"]],
  ])("divides %s over %j tokens", (amount, tokens, parts) => {
    const keys = tokens.map((count, index) => ({ keyId: `apikey_${index}`, tokens: count }));

    expect(texts(amount, keys)).toEqual(parts);
  });

  it("gives what is left to the smaller key id of equal ones, and to no key last", () => {
    const keys = ["b", "a", null].map((keyId) => ({ keyId, tokens: 1 }));

    expect(texts("1", keys)).toEqual(["0.333333333333", "0.333333333334", "0.333333333333"]);
  });

  it("adds up to the amount exactly, part by part no further from the share than the remainder", () => {
    fc.assert(
      fc.property(amounts, shares, (amount, keys) => {
        const parts = splitByTokens(amount, keys);

        expect(amountText(sumAmounts(parts))).toBe(amountText(amount));
        const most = parseAmount(`${keys.length}e-12`);
        const total = sumAmounts(keys.map(({ tokens }) => parseAmount(String(tokens))));
        for (const [index, part] of parts.entries()) {
          const share = amount.times(keys[index]?.tokens ?? 0).dividedBy(total);
          expect(part.minus(share).abs().lessThanOrEqualTo(most)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("depends on no order of the keys", () => {
    fc.assert(
      fc.property(amounts, shares, (amount, keys) => {
        const forwards = splitByTokens(amount, keys).map(amountText);
        const backwards = splitByTokens(amount, [...keys].reverse()).map(amountText);

        expect(backwards.reverse()).toEqual(forwards);
      }),
      { numRuns: 60 },
    );
  });
});
