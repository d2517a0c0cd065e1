import { expect, test } from "vitest";
import { configFile } from "./config-files.ts";
import { readStrictWords } from "./strict-words.ts";

test("reads one word a line, without notes and empty lines", () => {
  expect(readStrictWords("# note\r\nalpha\n\n_beta\r\n").value).toEqual(["alpha", "_beta"]);
});

test.each([
  ["a space behind a word", "alpha\nbeta \n", 2],
  ["two words", "alpha beta", 1],
  ["a word that stands twice", "alpha\nbeta\nalpha\n", 3],
  ["a letter that looks like another", "alph\u0430", 1],
  ["a control character", "al\u0007pha", 1],
])("names the line of %s, and reads nothing", (_, text, line) => {
  expect(readStrictWords(text)).toEqual({ value: [], faults: [{ line, problem: expect.any(String) }] });
});

test("refuses what is larger than any list", () => {
  expect(readStrictWords("a\n".repeat(40_000)).faults).toHaveLength(1);
});

test("reads a file of configs/", async () => {
  expect(await configFile("organizations/reserved-slugs.txt")).toContain("organizations");
});
