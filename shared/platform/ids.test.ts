import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { systemIds } from "./ids.ts";

const count = 20_000;

test("ids are a prefix and a ULID, and no two are the same", () => {
  const ids = Array.from({ length: count }, () => systemIds.newId("run"));

  expect(new Set(ids).size).toBe(count);
  for (const id of ids) expect(id).toMatch(/^run_[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
});

test("ids sort by the time they were made", async () => {
  const ids: string[] = [];
  for (let at = 0; at < 5; at++) {
    ids.push(systemIds.newId("run"));
    const madeAt = Date.now();
    while (Date.now() === madeAt) await delay(1);
  }

  expect(ids.toSorted()).toEqual(ids);
});

test("every letter is as likely as any other at every place of the random part", () => {
  const places = Array.from({ length: 16 }, () => new Map<string, number>());

  for (let made = 0; made < count; made++) {
    const letters = systemIds.newId("run").slice(-16);
    places.forEach((seen, at) => {
      seen.set(letters.charAt(at), (seen.get(letters.charAt(at)) ?? 0) + 1);
    });
  }

  // 625 expected, standard deviation 25: six of them are crossed once in a million runs.
  for (const seen of places) {
    expect(seen.size).toBe(32);
    for (const times of seen.values()) expect(Math.abs(times - count / 32)).toBeLessThan(150);
  }
});
