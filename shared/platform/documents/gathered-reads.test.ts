import { describe, expect, it } from "vitest";
import { gatheredReads } from "./gathered-reads.ts";

describe("reads of the same turn", () => {
  const calls: (readonly string[])[] = [];
  const counted = () => {
    calls.length = 0;
    return gatheredReads(async (paths) => {
      calls.push(paths);
      return paths.map((path) => ({ path }));
    });
  };

  it("share one call with each path once, and give every caller its own in its order", async () => {
    const read = counted();

    const answers = await Promise.all([read(["a", "b"]), read(["b"]), read(["c", "a", "c"])]);

    expect(answers.map((found) => found.map(({ path }) => path))).toEqual([["a", "b"], ["b"], ["c", "a", "c"]]);
    expect(calls).toEqual([["a", "b", "c"]]);
  });

  it("are not answered with what a call has read that started before they were asked", async () => {
    let version = 1;
    const read = gatheredReads(async (paths) => paths.map(() => version));
    const first = await read(["a"]);
    version = 2;

    expect([first, await read(["a"])]).toEqual([[1], [2]]);
  });

  it("are at most 500 paths a call, and all of one caller's in the same", async () => {
    const read = counted();
    const paths = (from: number, count: number) => Array.from({ length: count }, (_, at) => `p${from + at}`);

    await Promise.all([read(paths(0, 300)), read(paths(300, 300)), read(paths(600, 200)), read(paths(1000, 700))]);

    expect(calls.map((call) => call.length)).toEqual([300, 500, 700]);
  });

  it("fail together when their call fails, and the next ones do not", async () => {
    let isDown = true;
    const read = gatheredReads(async (paths) => {
      if (isDown) throw new RangeError("down");
      return [...paths];
    });

    const failed = await Promise.allSettled([read(["a"]), read(["b"])]);
    isDown = false;

    expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await read(["a"])).toEqual(["a"]);
  });
});
