import { expect, test } from "vitest";
import { ahead } from "./ahead.ts";

async function* numbers(count: number, ended: () => void = () => {}): AsyncGenerator<number> {
  try {
    for (let at = 0; at < count; at++) yield at;
  } finally {
    ended();
  }
}

test("gives all results in the order of the source, one made ahead", async () => {
  const made: number[] = [];
  const seen: string[] = [];

  for await (const value of ahead(numbers(4), async (each) => made.push(each))) {
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(`${value} of ${made.length}`);
  }

  expect(seen).toEqual(["1 of 2", "2 of 3", "3 of 4", "4 of 4"]);
});

test("an error comes after the values before it, and the source is ended", async () => {
  let isEnded = false;
  const seen: number[] = [];
  const source = numbers(5, () => {
    isEnded = true;
  });
  const results = ahead(source, async (value) => {
    if (value === 2) throw new Error("third");
    return value;
  });

  const all = (async () => {
    for await (const value of results) seen.push(value);
  })();

  await expect(all).rejects.toThrow("third");
  expect(seen).toEqual([0, 1]);
  expect(isEnded).toBe(true);
});

test("the source is ended when its user stops", async () => {
  let isEnded = false;
  const source = numbers(5, () => {
    isEnded = true;
  });

  for await (const value of ahead(source, async (each) => each)) if (value === 1) break;

  expect(isEnded).toBe(true);
});
