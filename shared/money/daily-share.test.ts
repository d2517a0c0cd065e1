import fc from "fast-check";
import { expect, it } from "vitest";
import { amountText, parseAmount, sumAmounts } from "./amount.ts";
import { shareOfDay } from "./daily-share.ts";

it("loses nothing and gives no day more than one unit above another", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 24n }), fc.integer({ min: 1, max: 1096 }), (units, days) => {
      const total = parseAmount(`${units}e-12`);
      const shares = Array.from({ length: days }, (_, index) => shareOfDay(total, index + 1, days));

      expect(amountText(sumAmounts(shares))).toBe(amountText(total));
      const spread = (shares[0] ?? total).minus(shares.at(-1) ?? total);
      expect(spread.lessThanOrEqualTo("0.000000000001") && !spread.isNegative()).toBe(true);
    }),
    { numRuns: 50 },
  );
});

it("refuses a day outside of the period", () => {
  expect(() => shareOfDay(parseAmount("1"), 32, 31)).toThrow(RangeError);
});
