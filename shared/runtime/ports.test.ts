import { describe, expect, it, vi } from "vitest";
import type { Topics } from "#shared/platform/topics/topics.ts";
import { lazyPort } from "./ports.ts";

function topicsThat(publish: Topics["publish"]): Topics {
  return { publish, close: async () => {} };
}

describe("a lazy port", () => {
  it("builds nothing until a verb is called, and then once for all calls", async () => {
    const publish = vi.fn(async () => {});
    const load = vi.fn(async () => topicsThat(publish));
    const port = lazyPort<"topics">(load);

    const beforeAnyCall = load.mock.calls.length;
    await Promise.all([port.publish([]), port.publish([]), port.close()]);

    expect(beforeAnyCall).toBe(0);
    expect(load).toHaveBeenCalledTimes(1);
    expect(publish).toHaveBeenCalledTimes(2);
  });

  it("forgets a build that failed: every waiting call fails, the next one builds anew", async () => {
    let isReady = false;
    const load = vi.fn(async () => {
      if (!isReady) throw new Error("not yet");
      return topicsThat(async () => {});
    });
    const port = lazyPort<"topics">(load);

    const failed = await Promise.allSettled([port.publish([]), port.publish([])]);
    isReady = true;
    await port.publish([]);
    await port.publish([]);

    expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(load).toHaveBeenCalledTimes(2);
  });

  it("keeps an adapter whose call failed, and hands the failure on", async () => {
    const load = vi.fn(async () => topicsThat(() => Promise.reject(new Error("down"))));
    const port = lazyPort<"topics">(load);

    await expect(port.publish([])).rejects.toThrow("down");
    await expect(port.publish([])).rejects.toThrow("down");
    expect(load).toHaveBeenCalledTimes(1);
  });

  it("is no promise: awaiting it gives the port itself", async () => {
    const port = lazyPort<"topics">(async () => topicsThat(async () => {}));

    expect(await port).toBe(port);
  });
});
