import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fieldsOf, firstRecordEnd, hasLineLongerThan, lastRecordEnd, quoteParity } from "./record-ends.ts";

const field = fc.string({ unit: fc.constantFrom('"', "\n", "\r", ",", "a", "ü", "0"), maxLength: 12 });
const records = fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 12 });
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
const line = (fields: readonly string[]) => `${fields.map(quoted).join(",")}\n`;

/** At every alignment, because words are read four bytes at a time. */
function shifted(text: string, by: number): Buffer {
  const bytes = Buffer.from(text);
  const whole = Buffer.alloc(bytes.length + by);
  bytes.copy(whole, by);
  return whole.subarray(by);
}

describe("cutting CSV", () => {
  test("the parity is that of the quotes, at any alignment", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(3), (bytes, by) => {
        const text = Buffer.from(bytes.map((byte) => (byte % 3 === 0 ? 0x22 : byte)));
        const whole = Buffer.concat([Buffer.alloc(by), text]).subarray(by);

        expect(quoteParity(whole)).toBe(text.filter((byte) => byte === 0x22).length % 2);
      }),
    );
  });

  test("a cut never falls into a record, wherever the bytes end", () => {
    fc.assert(
      fc.property(records, fc.nat(), fc.nat(3), (rows, end, by) => {
        const lines = rows.map(line);
        const ends = lines.map((_, at) => Buffer.byteLength(lines.slice(0, at + 1).join("")));
        const bytes = shifted(lines.join(""), by);
        const part = bytes.subarray(0, end % (bytes.length + 1));

        expect(lastRecordEnd(part)).toBe(ends.filter((each) => each <= part.length).at(-1) ?? 0);
        expect(firstRecordEnd(bytes)).toBe(ends[0]);
      }),
    );
  });

  test("the fields of a record come back as they were", () => {
    fc.assert(
      fc.property(fc.array(field, { minLength: 1 }), (row) => {
        expect(fieldsOf(line(row), ",")).toEqual(row);
      }),
    );
  });

  test("finds the line that is longer than the limit, and no other", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30), { minLength: 1, maxLength: 12 }), (lengths) => {
        const bytes = Buffer.from(lengths.map((length) => `${"x".repeat(length)}\n`).join(""));

        expect(hasLineLongerThan(bytes, 20)).toBe(lengths.some((length) => length > 20));
      }),
    );
  });
});
