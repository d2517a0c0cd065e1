import { describe, expect, it } from "vitest";
import { exactCache, inTurns } from "./frame-cache.ts";

const sized = (bytes: number) => ({ bytes });

describe("exactCache", () => {
  it("builds once for all who ask for a key at the same time, and never again", async () => {
    const cache = exactCache<{ bytes: number }>(100, ({ bytes }) => bytes);
    let builds = 0;
    const build = async () => {
      builds++;
      return sized(10);
    };

    const first = await Promise.all([cache.get("a", build), cache.get("a", build)]);
    const later = await cache.get("a", build);

    expect(builds).toBe(1);
    expect(first.map(({ isHit }) => isHit)).toEqual([false, false]);
    expect(later.isHit).toBe(true);
    expect(later.value).toBe(first[0]?.value);
  });

  it("forgets a failed build", async () => {
    const cache = exactCache<{ bytes: number }>(100, ({ bytes }) => bytes);
    await expect(cache.get("a", () => Promise.reject(new Error("down")))).rejects.toThrow("down");

    const { value, isHit } = await cache.get("a", async () => sized(10));

    expect([value.bytes, isHit]).toEqual([10, false]);
  });

  it("lets go of what was used longest ago when the bytes are full", async () => {
    const cache = exactCache<{ bytes: number }>(100, ({ bytes }) => bytes);
    for (const key of ["a", "b", "a", "c"]) await cache.get(key, async () => sized(40));

    const hits = [];
    for (const key of ["a", "c", "b"]) hits.push((await cache.get(key, async () => sized(40))).isHit);

    expect(hits).toEqual([true, true, false]);
  });

  it("hands out a value above half of the limit without keeping it or pushing others out", async () => {
    const cache = exactCache<{ bytes: number }>(100, ({ bytes }) => bytes);
    await cache.get("small", async () => sized(40));

    const large = await cache.get("large", async () => sized(51));

    expect(large.value.bytes).toBe(51);
    expect((await cache.get("large", async () => sized(51))).isHit).toBe(false);
    expect((await cache.get("small", async () => sized(40))).isHit).toBe(true);
  });
});

describe("inTurns", () => {
  it("runs so many at a time in the order they were asked for, and goes on after a failure", async () => {
    const run = inTurns(2);
    const begun: number[] = [];
    const ends = new Map<number, () => void>();
    const work = (id: number) =>
      run(async () => {
        begun.push(id);
        await new Promise<void>((end) => ends.set(id, end));
        if (id === 1) throw new Error("down");
        return id;
      }).catch((error: Error) => error.message);
    const all = Promise.all([1, 2, 3, 4].map(work));

    expect(begun).toEqual([1, 2]);
    ends.get(1)?.();
    await expect.poll(() => begun).toEqual([1, 2, 3]);
    ends.get(3)?.();
    await expect.poll(() => begun).toEqual([1, 2, 3, 4]);
    await expect.poll(() => ends.size).toBe(4);
    for (const id of [2, 4]) ends.get(id)?.();

    expect(await all).toEqual(["down", 2, 3, 4]);
  });
});
