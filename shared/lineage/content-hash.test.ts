import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseAmount } from "#shared/money/amount.ts";
import type { Column, ColumnType } from "#shared/platform/warehouse/table.ts";
import { contentHash } from "./content-hash.ts";
import { lineageColumns } from "./lineage.ts";

const column = (name: string, type: ColumnType, mode: Column["mode"] = "NULLABLE"): Column => ({
  name,
  type,
  mode,
  description: name,
});
const columns: Column[] = [
  column("name", "STRING"),
  column("cost", "BIGNUMERIC"),
  column("tokens", "INT64"),
  column("is_free", "BOOL"),
  column("day", "DATE"),
  column("at", "TIMESTAMP"),
  column("tags", "JSON"),
  column("ratio", "FLOAT64"),
  column("scopes", "STRING", "REPEATED"),
  ...lineageColumns.map((lineage) => ({ ...lineage, description: lineage.name })),
];
const hashOf = (...rows: Record<string, unknown>[]): string => contentHash(rows, columns);

const rows = fc.array(
  fc.record(
    {
      name: fc.string({ unit: "grapheme" }),
      cost: fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map((unit) => `${unit}e-12`),
      tokens: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      tags: fc.dictionary(fc.string({ maxLength: 3 }), fc.oneof(fc.string(), fc.integer(), fc.boolean())),
      scopes: fc.array(fc.string({ maxLength: 3 }), { maxLength: 3 }),
    },
    { requiredKeys: [] },
  ),
  { maxLength: 8 },
);

describe("the same rows have the same hash", () => {
  test("in any order of rows, keys and columns", () => {
    fc.assert(
      fc.property(rows, fc.infiniteStream(fc.nat()), (given, random) => {
        const shuffled = given
          .map((row) => ({ row, place: random.next().value }))
          .sort((a, b) => a.place - b.place)
          .map(({ row }) => Object.fromEntries(Object.entries(row).reverse()));

        const hash = contentHash(shuffled, columns.toReversed());

        expect(hash).toBe(contentHash(given, columns));
      }),
    );
  });

  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["trailing zeros", { cost: "1.500" }, { cost: "1.5" }],
    ["E notation", { cost: "1.5e3" }, { cost: "1500.0" }],
    ["a Decimal and its text", { cost: parseAmount("0.10") }, { cost: "0.1" }],
    ["digits beyond the stored twelve", { cost: "0.1000000000000000055" }, { cost: "0.1" }],
    ["minus zero", { cost: "-0", ratio: -0 }, { cost: "0", ratio: 0 }],
    ["composed and decomposed text", { name: "Zu\u0308rich" }, { name: "Z\u00fcrich" }],
    ["integers as number, bigint and text", { tokens: 12 }, { tokens: "12" }],
    ["integers beyond 2^53", { tokens: 9007199254740993n }, { tokens: "9007199254740993" }],
    ["a day as Date and as text", { day: new Date("2028-02-29T00:00:00Z") }, { day: "2028-02-29" }],
    ["an instant in two offsets", { at: "2026-02-28T23:59:59.5Z" }, { at: "2026-03-01T01:59:59.500000+02:00" }],
    ["an instant as Date", { at: new Date("2026-02-28T23:59:59.500Z") }, { at: "2026-02-28T23:59:59.5Z" }],
    ["digits finer than a microsecond", { at: "2026-01-01T00:00:00.1234569Z" }, { at: "2026-01-01T00:00:00.123456Z" }],
    ["JSON in another order", { tags: '{"b": 1.50, "a": [true, null]}' }, { tags: { a: [true, null], b: 1.5 } }],
    ["null and missing", { name: null, cost: undefined }, {}],
    ["an empty and a missing list", { scopes: [] }, {}],
    ["a column the table does not have", { unknown: 1 }, {}],
  ])("with %s", (_, one, other) => {
    expect(hashOf(one)).toBe(hashOf(other));
  });

  test("whatever their lineage", () => {
    const lineage = Object.fromEntries(lineageColumns.map(({ name }, index) => [name, `value ${index}`]));

    expect(hashOf({ name: "a", ...lineage })).toBe(hashOf({ name: "a" }));
  });

  test("before and after the table gets a further column", () => {
    expect(contentHash([{ name: "a" }], [...columns, column("added", "JSON")])).toBe(hashOf({ name: "a" }));
  });
});

describe("other rows have another hash", () => {
  test.each<[string, Record<string, unknown>[], Record<string, unknown>[]]>([
    ["a last digit", [{ cost: "0.000000000001" }], [{ cost: "0.000000000002" }]],
    ["null and empty text", [{ name: null }], [{ name: "" }]],
    ["null and zero", [{ cost: null }], [{ cost: "0" }]],
    ["a value in another column", [{ name: "1" }], [{ tokens: 1 }]],
    ["a row twice", [{ name: "a" }], [{ name: "a" }, { name: "a" }]],
    ["an empty row", [], [{}]],
    [
      "values moved between rows",
      [
        { name: "a", cost: "1" },
        { name: "b", cost: "2" },
      ],
      [
        { name: "a", cost: "2" },
        { name: "b", cost: "1" },
      ],
    ],
    ["a microsecond", [{ at: "2026-01-01T00:00:00.000001Z" }], [{ at: "2026-01-01T00:00:00.000002Z" }]],
    ["list items cut elsewhere", [{ scopes: ["ab", "c"] }], [{ scopes: ["a", "bc"] }]],
    ["list items in another order", [{ scopes: ["a", "b"] }], [{ scopes: ["b", "a"] }]],
    ["a JSON number and its text", [{ tags: { a: 1 } }], [{ tags: { a: "1" } }]],
    ["a JSON number beyond 2^53", [{ tags: '{"a":9007199254740993}' }], [{ tags: '{"a":9007199254740992}' }]],
    ["a JSON key that looks like the prototype", [{ tags: '{"__proto__":"a"}' }], [{ tags: "{}" }]],
  ])("with %s", (_, one, other) => {
    expect(hashOf(...one)).not.toBe(hashOf(...other));
  });
});

test.each<[string, string, unknown]>([
  ["cost", "a float", 0.1],
  ["cost", "NaN", "NaN"],
  ["cost", "27 integer digits", "100000000000000000000000000"],
  ["tokens", "a fraction", 1.5],
  ["tokens", "an inexact number", 2 ** 53],
  ["tokens", "a 65th bit", 2n ** 63n],
  ["tokens", "E notation", "1e3"],
  ["name", "a number", 1],
  ["is_free", "a word", "true"],
  ["day", "a day that does not exist", "2026-02-29"],
  ["day", "another form", "2026-2-1"],
  ["day", "an invalid Date", new Date(Number.NaN)],
  ["at", "an instant without offset", "2026-01-01T00:00:00"],
  ["at", "an instant of no day", "2026-02-30T00:00:00Z"],
  ["at", "hour 24", "2026-01-01T24:00:00Z"],
  ["at", "a number", 1],
  ["at", "an invalid Date", new Date(Number.NaN)],
  ["tags", "half a JSON text", "{"],
  ["tags", "60,000 brackets", "[".repeat(60_000)],
  ["ratio", "NaN", Number.NaN],
  ["scopes", "no list", "a"],
])("refuses in %s %s, naming row and column", (name, _, value) => {
  expect(() => hashOf({}, { [name]: value })).toThrow(
    expect.objectContaining({ code: "ROW_INVALID", fields: [{ path: `/1/${name}`, problem: expect.any(String) }] }),
  );
});
