import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ofEachMonth } from "./month-source.ts";

const months = [5, 1, 4, 2, 3];

describe("ofEachMonth", () => {
  it("works on two months at a time and answers in their order, whichever ends first", async () => {
    let [running, most] = [0, 0];

    const parts = await ofEachMonth(months, async (turns) => {
      most = Math.max(most, ++running);
      for (let turn = 0; turn < turns; turn++) await setImmediate();
      running--;
      return turns * 10;
    });

    expect(parts).toEqual([50, 10, 40, 20, 30]);
    expect(most).toBe(2);
  });

  it("fails with the first failure and begins no month after it", async () => {
    const begun: number[] = [];

    const failure = await ofEachMonth(months, async (month) => {
      begun.push(month);
      await setImmediate();
      if (month === 5) throw new Error("no rows");
      await setImmediate();
    }).catch((error: unknown) => error);
    await setImmediate();
    await setImmediate();

    expect(failure).toEqual(new Error("no rows"));
    expect(begun).toEqual([5, 1]);
  });
});
