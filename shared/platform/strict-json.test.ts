import { expect, test } from "vitest";
import { readStrictJson } from "./strict-json.ts";

test("reads JSON", async () => {
  const read = await readStrictJson('[{ "name": "a", "n": 1.5 }]');

  expect(read).toEqual({ value: [{ name: "a", n: 1.5 }], faults: [] });
});

test.each([
  ["a missing comma", '{\n  "a": 1\n  "b": 2\n}', 3],
  ["a cut text", '{\n  "a": [1,\n', 3],
  ["a word", "[\n1,\nfoo]", 3],
  ["an empty text", "", 1],
])("names the line of %s", async (_, text, line) => {
  const read = await readStrictJson(text);

  expect(read.value).toBeUndefined();
  expect(read.faults).toEqual([{ line, problem: expect.any(String) }]);
});

test("refuses keys that reach the prototype, with their line", async () => {
  const read = await readStrictJson('{\n "a": { "__proto__": { "b": 1 } },\n "constructor": 1 }');

  expect(read.faults).toEqual([
    { line: 2, problem: "the key __proto__ is refused" },
    { line: 3, problem: "the key constructor is refused" },
  ]);
  expect(read.value).toBeUndefined();
});

test("refuses a text of more than 512 KiB", async () => {
  const read = await readStrictJson(`"${"x".repeat(512 * 1024)}"`);

  expect(read.faults).toEqual([{ line: 1, problem: "larger than 524288 bytes" }]);
});

test("survives 200,000 open brackets", async () => {
  const read = await readStrictJson("[".repeat(200_000));

  expect(read.faults).toHaveLength(1);
});
