import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatDecimal, parseDecimal, pricePerUnit } from "./decimal.ts";

describe("money as integers of 10^-12", () => {
  test("text and integer stand for each other, whatever the size", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), (value) => {
        expect(parseDecimal(formatDecimal(value))).toBe(value);
      }),
    );
  });

  test.each([
    [0n, "0"],
    [1n, "0.000000000001"],
    [-250_000_000_000n, "-0.25"],
    [10n ** 27n, "1000000000000000"],
  ])("%d is written %s", (value, text) => {
    expect(formatDecimal(value)).toBe(text);
  });

  test.each(["1e2", "", ".5", "1.", "0.0000000000001", "abc", "--1"])("%j is refused", (text) => {
    expect(() => parseDecimal(text)).toThrow("not a decimal");
  });

  test("a price that would need rounding per unit is refused", () => {
    expect(pricePerUnit("0.075")).toBe(75_000n);
    expect(() => pricePerUnit("0.0000001")).toThrow("too many places");
  });
});
