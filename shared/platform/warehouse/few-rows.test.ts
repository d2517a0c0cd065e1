import fc from "fast-check";
import pl from "nodejs-polars";
import { describe, expect, it } from "vitest";
import { seriesOf } from "./column-series.ts";
import { EVERY_TYPE } from "./contract/contract-tables.ts";
import { frameOfFew } from "./few-rows.ts";
import { emptyFrame, rowsOf } from "./frame.ts";

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const digits = (max: number) => fc.stringMatching(new RegExp(`^-?\\d{1,${max}}$`));
const amount = fc.tuple(digits(26), fc.stringMatching(/^\d{1,12}$/)).map(([whole, part]) => `${whole}.${part}`);
const instant = fc.date({ min: new Date("0001-01-02"), max: new Date("9999-12-30"), noInvalidDate: true });
const orNull = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null });

/** A row of every type, every column that may be missing missing now and then. */
const row = fc.record(
  {
    usage_date: instant.map((date) => date.toISOString().slice(0, 10)),
    provider: text,
    cost: amount,
    x_org_slug: text,
    x_batch_id: text,
    observed_at: orNull(instant.map((date) => date.toISOString())),
    seats: orNull(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    share: orNull(fc.double({ noNaN: true, noDefaultInfinity: true })),
    is_final: orNull(fc.boolean()),
    labels: orNull(fc.dictionary(text, fc.integer())),
    tags: orNull(fc.array(text, { maxLength: 3 })),
  },
  { requiredKeys: ["usage_date", "provider", "cost", "x_org_slug", "x_batch_id"] },
);

describe("few rows", () => {
  it("are the same frame as a series per column makes, of any values", () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 0, maxLength: 6 }), (rows) => {
        const one = frameOfFew(EVERY_TYPE.columns, rows);
        const other = pl.DataFrame(
          EVERY_TYPE.columns.map((column) =>
            seriesOf(
              column,
              rows.map((each: Record<string, unknown>) => each[column.name]),
            ),
          ),
        );

        expect(one.columns).toEqual(other.columns);
        expect(one.dtypes.map(String)).toEqual(other.dtypes.map(String));
        expect(rowsOf(one, EVERY_TYPE)).toEqual(rowsOf(other, EVERY_TYPE));
      }),
      { numRuns: 60 },
    );
  });

  it("may be none, with all columns and types", () => {
    const none = frameOfFew(EVERY_TYPE.columns, []);

    expect(none.dtypes.map(String)).toEqual(emptyFrame(EVERY_TYPE.columns).dtypes.map(String));
    expect([none.height, none.width]).toEqual([0, EVERY_TYPE.columns.length]);
  });
});
