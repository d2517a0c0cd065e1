import fc from "fast-check";
import { expect, it } from "vitest";
import { pathLocks } from "./path-locks.ts";

it("gives a path to one holder at a time, in the order of asking, and tells who waited", async () => {
  const locks = pathLocks();
  const first = await locks.acquire(["a", "b"]);
  const order: string[] = [];

  const second = locks.acquire(["b"]).then((held) => {
    order.push("second");
    return held;
  });
  const third = locks.acquire(["c"]).then((held) => {
    order.push("third");
    return held;
  });
  await third;
  first.release();
  await second;

  expect(order).toEqual(["third", "second"]);
  expect([first.hasWaited, (await second).hasWaited, (await third).hasWaited]).toEqual([false, true, false]);
});

it("never lets two hold one path and never leaves anyone waiting", async () => {
  const sets = fc.array(fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 4 }), { maxLength: 12 });

  await fc.assert(
    fc.asyncProperty(sets, async (wanted) => {
      const locks = pathLocks();
      const holders = new Map<string, number>();

      await Promise.all(
        wanted.map(async (paths, me) => {
          const held = await locks.acquire(paths);
          for (const path of paths) {
            expect(holders.get(path) ?? me).toBe(me);
            holders.set(path, me);
          }
          await new Promise(setImmediate);
          for (const path of paths) holders.delete(path);
          held.release();
        }),
      );
    }),
    { numRuns: 50 },
  );
});
