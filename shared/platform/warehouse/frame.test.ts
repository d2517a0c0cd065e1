import fc from "fast-check";
import pl from "nodejs-polars";
import { describe, expect, test } from "vitest";
import { isAppError } from "#shared/runtime/errors.ts";
import { EVERY_TYPE } from "./contract/contract-tables.ts";
import { columnsNamed, frameOf, rowsOf } from "./frame.ts";
import type { TableDefinition } from "./table.ts";

const WHOLE = { usage_date: "2026-12-31", provider: "p", cost: "1", x_org_slug: "acme", x_batch_id: "b" };

describe("frameOf", () => {
  test("makes every column of the definition, in its order, with its type", () => {
    const frame = frameOf(EVERY_TYPE, [WHOLE]);

    expect(frame.columns).toEqual(EVERY_TYPE.columns.map(({ name }) => name));
    expect(typeOf("cost")).toBe("Decimal(38,12)");
    expect(typeOf("usage_date")).toBe("Date");
    expect(typeOf("observed_at")).toBe("Datetime(us,UTC)");
    expect(typeOf("seats")).toBe("Int64");
    expect(typeOf("share")).toBe("Float64");
    expect(typeOf("is_final")).toBe("Bool");
    expect(typeOf("labels")).toBe("String");
    expect(typeOf("tags")).toBe("List(DataType(String))");

    function typeOf(name: string): string {
      return String(frame.getColumn(name).dtype).slice("DataType(".length, -1);
    }
  });

  test.each([
    ["cost", ["", "abc", "NaN", "Infinity", "1,5", "1e3", " 1", "+1", ".5", "1.", 1, 1.5, 1n, true, {}]],
    ["cost", ["0.0000000000001", "1.1234567890123"]],
    ["usage_date", ["2027-02-29", "2026-13-01", "2026-1-1", "20260101", "2026-01-01T00:00:00Z", "0000-01-01", 1, ""]],
    [
      "observed_at",
      [
        "2026-01-01T00:00:00",
        "2026-01-01",
        "2026-01-01T24:00:00Z",
        "2027-02-29T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        1,
        "",
      ],
    ],
    ["seats", ["1.5", 1.5, 2 ** 53, 2n ** 63n, "9223372036854775808", "", "x", true]],
    ["is_final", ["true", 1, 0, ""]],
    ["share", ["1", Number.NaN, Number.POSITIVE_INFINITY, 1n]],
    [
      "labels",
      ["", "null", "1", '"text"', "{", "{'a':1}", 1, true, '{"a":12345678901234567890}', { a: 1n }, { a: Number.NaN }],
    ],
    ["tags", ["a", [1], [null], { 0: "a" }]],
    ["provider", [1, true, {}, "lone \ud800 surrogate"]],
  ])("refuses a %s that it could not store exactly, naming column and row", (column, values) => {
    for (const value of values as unknown[]) {
      const failure = failureOf(() => frameOf(EVERY_TYPE, [WHOLE, { ...WHOLE, [column]: value }]));
      expect(isAppError(failure, "BATCH_REFUSED"), `${column}: ${String(value)}`).toBe(true);
      expect(failure).toMatchObject({
        message: expect.stringMatching(`column ${column} of row 1`),
        fields: [{ path: `/1/${column}` }],
      });
    }
  });

  test.each([null, undefined])("refuses a REQUIRED column that is %s", (value) => {
    const failure = failureOf(() => frameOf(EVERY_TYPE, [WHOLE, WHOLE, { ...WHOLE, cost: value }]));

    expect(failure).toMatchObject({ code: "BATCH_REFUSED", message: "column cost of row 2 is required and missing" });
  });

  test("refuses a key that is no column", () => {
    const failure = failureOf(() => frameOf(EVERY_TYPE, [{ ...WHOLE, costs: "1" }]));

    expect(failure).toMatchObject({
      code: "BATCH_REFUSED",
      message: expect.stringContaining("row 0 has the key costs"),
    });
  });

  test("refuses an amount of more than 26 integer digits as out of range (tables.md 1)", () => {
    const largest = "99999999999999999999999999.999999999999";

    expect(amounts([largest])).toEqual([largest]);
    expect(
      isAppError(
        failureOf(() => amounts([`9${largest}`])),
        "AMOUNT_OUT_OF_RANGE",
      ),
    ).toBe(true);
    expect(
      isAppError(
        failureOf(() => amounts(["-100000000000000000000000000"])),
        "AMOUNT_OUT_OF_RANGE",
      ),
    ).toBe(true);
  });

  test("cuts instants to microseconds and turns them to UTC", () => {
    const given = [
      "2026-01-01T00:30:00.1234569+01:00",
      "1969-12-31T23:59:59.9999999Z",
      "2028-02-29t12:00:00-00:30",
      "9999-12-31T23:59:59.999999Z",
    ];

    const rows = rowsOf(
      frameOf(
        EVERY_TYPE,
        given.map((observed_at) => ({ ...WHOLE, observed_at })),
      ),
      EVERY_TYPE,
    );

    expect(rows.map((row) => row["observed_at"])).toEqual([
      "2025-12-31T23:30:00.123456Z",
      "1969-12-31T23:59:59.999999Z",
      "2028-02-29T12:30:00Z",
      "9999-12-31T23:59:59.999999Z",
    ]);
  });

  test("gives equal JSON one text, from objects and from text", () => {
    const given = [
      { b: 1, a: { d: null, c: [2, { f: 1, e: 2 }] } },
      '{ "b": 1.0, "a": {"d":null, "c":[2,{"f":1,"e":2}]} }',
    ];

    const frame = frameOf(
      EVERY_TYPE,
      given.map((labels) => ({ ...WHOLE, labels })),
    );

    const text = '{"a":{"c":[2,{"e":2,"f":1}],"d":null},"b":1}';
    expect(frame.getColumn("labels").toArray()).toEqual([text, text]);
  });

  test("keeps digits of integers above 2^53", () => {
    const seats = [9223372036854775807n, -9223372036854775808n, "9007199254740993", 5];

    const rows = rowsOf(
      frameOf(
        EVERY_TYPE,
        seats.map((value) => ({ ...WHOLE, seats: value })),
      ),
      EVERY_TYPE,
    );

    expect(rows.map((row) => row["seats"])).toEqual([
      9223372036854775807n,
      -9223372036854775808n,
      9007199254740993n,
      5,
    ]);
  });

  test("sums a million rows of 10^-12 and one of -0.000001 to exactly 0 (tables.md 7)", () => {
    const table: TableDefinition = { ...EVERY_TYPE, columns: columnsNamed(EVERY_TYPE, ["cost"]) };
    const rows = Array.from({ length: 1_000_000 }, () => ({ cost: "0.000000000001" }));

    const frame = frameOf(table, [...rows, { cost: "-0.000001" }]);

    expect(frame.select(pl.col("cost").sum().cast(pl.Utf8)).getColumn("cost").get(0)).toBe("0.000000000000");
  });

  test("and rowsOf together change no amount, instant, text or list", () => {
    const amount = fc
      .tuple(fc.boolean(), fc.bigInt({ min: 1n, max: 10n ** 38n - 1n }))
      .map(([isNegative, units]) => decimalText(isNegative, units));
    const instant = fc.date({ min: new Date("0001-01-02"), max: new Date("9999-12-30"), noInvalidDate: true });
    const text = fc.string({ unit: "grapheme" });
    const row = fc.record({
      cost: amount,
      observed_at: instant.map((date) => date.toISOString().replace(".000Z", "Z")),
      note: fc.option(text),
      tags: fc.array(text),
    });

    fc.assert(
      fc.property(fc.array(row, { maxLength: 20 }), (rows) => {
        const back = rowsOf(
          frameOf(
            EVERY_TYPE,
            rows.map((part) => ({ ...WHOLE, ...part })),
          ),
          EVERY_TYPE,
        );
        expect(back).toMatchObject(rows);
      }),
      { numRuns: 50 },
    );
  });
});

function amounts(costs: string[]): unknown[] {
  return rowsOf(
    frameOf(
      EVERY_TYPE,
      costs.map((cost) => ({ ...WHOLE, cost })),
    ),
    EVERY_TYPE,
  ).map((row) => row["cost"]);
}

/** Plain text without trailing zeros of a number of 10^-12. */
function decimalText(isNegative: boolean, units: bigint): string {
  const digits = String(units).padStart(13, "0");
  return `${isNegative ? "-" : ""}${digits.slice(0, -12)}.${digits.slice(-12)}`.replace(/\.?0+$/, "");
}

function failureOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}
