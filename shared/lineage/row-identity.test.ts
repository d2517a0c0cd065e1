import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { plainRowId, taggedRowId } from "./row-identity.ts";

type Parts = (string | null)[];

const billed = ["genai_billed_daily_raw", "8636eec5f0f1ac83af02e8485142b7e5", "Usage"];

describe("taggedRowId", () => {
  test.each<[string, Parts, string]>([
    // tables.md 1
    ["s1", ["2028-02-29", "sub_slack_pro_0a1b2c3d4e5f", "2"], "7e9985ff016c81df1cad949cfd6fc1b9"],
    ["f1", [...billed, null], "984679ede5c871de44512e537a2e9868"],
    ["f1", [...billed, ""], "4c83aef6e0802b0fdc15acd9eb16283e"],
    // providers.md 2.6
    [
      "u1",
      ["anthropic", "8d1f0c2a", "2026-07-01", "messages", "tokens", "wrkspc_01AAA", "apikey_01K1", null]
        .concat(["claude-sonnet-4-6", "standard", "0-200k", "global"])
        .concat([null]),
      "8636eec5f0f1ac83af02e8485142b7e5",
    ],
    [
      "u1",
      ["generic", "cred_x", "2026-02-28", "import", "tokens", "Zürich", null, null, "m", null, null, null, null],
      "640c024a755f2eb7028c7c783927fe43",
    ],
  ])("of %s over %j is %s", (tag, parts, expected) => {
    expect(taggedRowId(tag, parts)).toBe(expected);
  });

  test("tells tags apart", () => {
    expect(taggedRowId("u1", ["a"])).not.toBe(taggedRowId("b1", ["a"]));
  });
});

describe("plainRowId", () => {
  test.each<[Parts, string]>([
    // tables.md 1
    [["ab", "c"], "edff684daf2c727c92e3aed18740d3b1"],
    [["a", "bc"], "22820a03ed72f5350ea9d789a4f9ccc0"],
    [["Zürich"], "4e0c97003d6ee23248d8d5e4e80a6c21"],
    [[null], "ac1e1401e67ab2f4a28515156f67329f"],
    // ingest-and-data-rights.md 5.1: the last part is the hash of empty dimensions
    [
      ["9c6ac2f0-5b52-4a85-9d4c-e1f1a5f5d710", "prod", "openai:tokens", "token", "2024-05-24T12:00:00.000000Z"].concat(
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
      ),
      "f01faf9cf2c3f1e645ac1b6eb088e9eb",
    ],
  ])("of %j is %s", (parts, expected) => {
    expect(plainRowId(parts)).toBe(expected);
  });
});

// Digits and marks of the format itself are the likeliest to collide.
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom("~", "-", ";", ":", "|", "1", "2", "a", "ü") }),
  fc.string({ unit: "grapheme" }),
);
const parts = fc.array(fc.option(text), { maxLength: 6 });
const inNfc = (list: Parts) => JSON.stringify(list.map((part) => part?.normalize("NFC") ?? null));

describe.each([
  ["taggedRowId", (list: Parts) => taggedRowId("t1", list)],
  ["plainRowId", plainRowId],
])("%s", (_, rowId) => {
  test("is 32 hex characters and differs exactly when a part differs", () => {
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        expect(rowId(one)).toMatch(/^[0-9a-f]{32}$/);
        expect(rowId(one) === rowId(other)).toBe(inNfc(one) === inNfc(other));
      }),
      { numRuns: 1000 },
    );
  });

  test("changes with any one part, also from null to empty text", () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(text), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        fc.option(text),
        (list, at, part) => {
          const changed = list.with(at % list.length, part);
          fc.pre(inNfc(changed) !== inNfc(list));

          expect(rowId(changed)).not.toBe(rowId(list));
        },
      ),
    );
    expect(rowId([null])).not.toBe(rowId([""]));
  });

  test("is the same for composed and decomposed text", () => {
    expect(rowId(["Zu\u0308rich"])).toBe(rowId(["Z\u00fcrich"]));
  });
});
