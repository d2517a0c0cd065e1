import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readStrictCsv } from "./strict-csv.ts";

describe("readStrictCsv", () => {
  test("reads every value as text by the names of the header", () => {
    const { value, faults } = readStrictCsv('\ufeffmodel,note\r\na,"x, ""y""\nz"\r\nb,\r\n\r\n');

    expect(faults).toEqual([]);
    expect(value).toEqual([
      { model: "a", note: 'x, "y"\nz' },
      { model: "b", note: "" },
    ]);
  });

  test.each([
    ["no header", "", 1, "has no header row"],
    ["a name that is none", "a,B\n", 1, "column 2 has no plain name"],
    ["a name of machinery", "a,constructor\n", 1, "column 2 has no plain name"],
    ["a column twice", "a,a\n", 1, "the column a stands twice"],
    ["a missing cell", 'a,b\n"1\n",2\n3\n', 4, "has 1 cells, the header 2"],
    ["a blank line in between", "a\n1\n\n2\n", 3, "is blank"],
    ["an open quote", 'a\n1\n"2\n', 3, "has a quote that is never closed"],
    ["text behind a quote", 'a\n"1"2\n', 2, "has text behind a closing quote"],
    ["a quote inside", 'a\n1"2\n', 2, "has a quote inside of a bare cell"],
  ])("refuses %s, naming the line", (_, text, line, problem) => {
    expect(readStrictCsv(text)).toEqual({ value: [], faults: [{ line, problem }] });
  });

  test("gives back whatever was quoted", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.string())), (rows) => {
        const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;
        const text = ["a,b", ...rows.map((cells) => cells.map(quoted).join(","))].join("\n");

        expect(readStrictCsv(text)).toEqual({ value: rows.map(([a, b]) => ({ a, b })), faults: [] });
      }),
    );
  });
});
