import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { amountText, centsToMajor, moneyText, parseAmount, roundAmount, sumAmounts } from "./amount.ts";

const stored = (text: string): string => amountText(roundAmount(parseAmount(text)));
/** Any amount a column can hold, as units of 10^-12. */
const units = fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n });
const amountOf = (unit: bigint) => parseAmount(`${unit}e-12`);

describe("stored amounts", () => {
  test.each([
    // tables.md 1, amounts
    ["0.0000000000005", "0"],
    ["0.0000000000015", "0.000000000002"],
    ["-0.0000000000025", "-0.000000000002"],
    ["99999999999999999999999999.999999999999", "99999999999999999999999999.999999999999"],
    ["-99999999999999999999999999.999999999999", "-99999999999999999999999999.999999999999"],
    ["-0", "0"],
    ["-0.0000000000001", "0"],
    // providers.md 2.6, money
    ["1.23e-7", "0.000000123"],
    ["0.1000000000000000055", "0.1"],
    ["1E+2", "100"],
    ["100.00", "100"],
    [".5", "0.5"],
    ["007.10", "7.1"],
    ["1e-900", "0"],
  ])("%s is kept as %s", (text, expected) => {
    expect(stored(text)).toBe(expected);
  });

  // providers.md 2.6, money
  test.each([
    ["4312.5", "43.125"],
    ["-0.0004", "-0.000004"],
    ["1e2", "1"],
  ])("%s cents are %s", (cents, expected) => {
    expect(amountText(roundAmount(centsToMajor(parseAmount(cents))))).toBe(expected);
  });

  test.each([
    "100000000000000000000000000",
    "-100000000000000000000000000",
    // The 27th digit comes into being by rounding.
    "99999999999999999999999999.9999999999995",
    "1e999999999",
  ])("refuses %s as out of range", (text) => {
    expect(() => stored(text)).toThrow(expect.objectContaining({ code: "AMOUNT_OUT_OF_RANGE" }));
  });

  test.each([
    "",
    " ",
    "NaN",
    "Infinity",
    "-Infinity",
    "1,000",
    "1 000",
    "1_000",
    "+1",
    "1.",
    ".",
    "-",
    "e5",
    "1e",
    "0x10",
    "$1",
    "1.5 ",
    "1\n",
    "٣",
    "1e9999999999",
  ])("refuses the literal %j", (text) => {
    expect(() => parseAmount(text)).toThrow(expect.objectContaining({ code: "AMOUNT_INVALID" }));
  });

  test.each(["-0", "-0.0000000000001", "-0e5"])("keeps no sign on %s", (text) => {
    expect(roundAmount(parseAmount(text)).isNegative()).toBe(false);
  });

  test("reads back every storable amount as it was", () => {
    fc.assert(
      fc.property(units, (unit) => {
        const amount = roundAmount(amountOf(unit));

        const text = amountText(amount);

        expect(text).toMatch(/^(0|-?(0|[1-9]\d*)(\.\d*[1-9])?)$/);
        expect(text).not.toMatch(/^-0$/);
        expect(parseAmount(text).eq(amountOf(unit))).toBe(true);
      }),
    );
  });

  test("rounds to the nearer neighbour, and to the even one from the middle", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
        fc.integer({ min: 0, max: 999 }),
        (unit, rest) => {
          const text = amountText(roundAmount(parseAmount(`${unit * 1000n + BigInt(rest)}e-15`)));

          const isUp = rest > 500 || (rest === 500 && unit % 2n !== 0n);
          expect(parseAmount(text).eq(amountOf(isUp ? unit + 1n : unit))).toBe(true);
        },
      ),
    );
  });
});

describe("sumAmounts", () => {
  // tables.md 7: a million rows of the smallest amount and their counterpart
  test("sums 1,000,000 rows of 0.000000000001 and one of -0.000001 to exactly 0", () => {
    const smallest = parseAmount("0.000000000001");
    function* rows() {
      for (let row = 0; row < 1_000_000; row += 1) yield smallest;
      yield parseAmount("-0.000001");
    }

    expect(amountText(sumAmounts(rows()))).toBe("0");
  });

  test("is exact in any order", () => {
    fc.assert(
      fc.property(fc.array(units, { maxLength: 50 }), (all) => {
        const total = all.reduce((sum, unit) => sum + unit, 0n);

        const sum = sumAmounts(all.map(amountOf));
        const reversed = sumAmounts(all.map(amountOf).reverse());

        expect(sum.eq(amountOf(total))).toBe(true);
        expect(reversed.eq(sum)).toBe(true);
      }),
    );
  });
});

describe("moneyText", () => {
  // costs.md 4, money
  test.each([
    ["12.5", 2, "12.50"],
    ["0.000165", 2, "0.000165"],
    ["-3.7", 2, "-3.70"],
    ["0", 2, "0.00"],
    ["-0.0000000000001", 2, "0.00"],
    ["1200", 0, "1200"],
    ["0.5", 0, "0.5"],
    ["1", 3, "1.000"],
    ["1e3", 2, "1000.00"],
    ["1.2345678901235", 2, "1.234567890124"],
  ])("shows %s with %i minor digits as %s", (amount, digits, expected) => {
    expect(moneyText(parseAmount(amount), digits)).toBe(expected);
  });

  test("never loses a stored digit and never shows fewer than the minor digits", () => {
    fc.assert(
      fc.property(units, fc.integer({ min: 0, max: 4 }), (unit, digits) => {
        const text = moneyText(amountOf(unit), digits);

        expect(parseAmount(text).eq(amountOf(unit))).toBe(true);
        expect((text.split(".")[1] ?? "").length).toBeGreaterThanOrEqual(digits);
      }),
    );
  });
});
