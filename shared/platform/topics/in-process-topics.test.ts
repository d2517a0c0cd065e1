import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { backoffMilliseconds } from "./in-process-subscription.ts";
import { inProcessTopics } from "./in-process-topics.ts";
import type { After } from "./timers.ts";
import { topicsContract } from "./topics.contract.ts";
import type { Delivery, Message, SubscriptionPolicy } from "./topics.ts";

const policy: SubscriptionPolicy = {
  ackDeadlineSeconds: 60,
  minimumBackoffSeconds: 10,
  maximumBackoffSeconds: 600,
  maximumDeliveries: 3,
};
const message = (topic: string, payload: unknown): Message => ({ topic, payload, attributes: {} });

topicsContract(async () => {
  const topics = inProcessTopics();
  return {
    topics,
    subscribe: async (topic, given, deliver) => topics.subscribe(topic, given, deliver),
    close: () => topics.close(),
  };
});

describe("in-process topics", () => {
  it("waits out the growing backoff, then writes the dead letter after the last delivery", async () => {
    const time = manualTime();
    const topics = inProcessTopics({ ...time, random: () => 1 });
    const attempts: [number, number][] = [];
    const letters: Delivery[] = [];
    topics.subscribe("dead-letter", policy, async (letter) => void letters.push(letter));
    topics.subscribe("t", policy, async ({ deliveryAttempt }) => {
      attempts.push([deliveryAttempt, time.clock.now().getTime()]);
      throw new Error("never");
    });

    await topics.publish([{ topic: "t", payload: { a: 1 }, attributes: { org: "o" } }]);
    await time.runUntil(topics.idle());

    expect(attempts).toEqual([
      [1, 0],
      [2, 10_000],
      [3, 30_000],
    ]);
    expect(letters).toHaveLength(1);
    expect(letters[0]?.payload).toEqual({ a: 1 });
    expect(letters[0]?.attributes).toMatchObject({
      org: "o",
      CloudPubSubDeadLetterSourceTopic: "t",
      CloudPubSubDeadLetterSourceDeliveryCount: "3",
    });
  });

  it("delivers again when the handler misses its deadline, and does not take the late answer for it", async () => {
    const time = manualTime();
    const topics = inProcessTopics({ ...time, random: () => 0 });
    const late = deferred();
    const attempts: [number, number][] = [];
    topics.subscribe("t", policy, async ({ deliveryAttempt }) => {
      attempts.push([deliveryAttempt, time.clock.now().getTime()]);
      if (deliveryAttempt === 1) await late.promise;
    });

    await topics.publish([message("t", 1)]);
    await vi.waitFor(() => expect(attempts).toHaveLength(1));
    time.advanceTo(60_000);
    late.resolve();
    await time.runUntil(topics.idle());

    expect(attempts).toEqual([
      [1, 0],
      [2, 70_000],
    ]);
  });

  it("counts an overdue handler as work until it ends, but not against the concurrency", async () => {
    const time = manualTime();
    const topics = inProcessTopics({ ...time, concurrency: 1 });
    const hung = deferred();
    const done: unknown[] = [];
    let isIdle = false;
    topics.subscribe("t", { ...policy, maximumDeliveries: 1 }, async ({ payload }) => {
      if (payload === "hangs") await hung.promise;
      done.push(payload);
    });

    await topics.publish([message("t", "hangs"), message("t", "next")]);
    const idle = topics.idle().then(() => (isIdle = true));
    await vi.waitFor(() => expect(time.pending()).toBe(1));
    time.advanceTo(60_000);
    await vi.waitFor(() => expect(done).toEqual(["next"]));
    expect(isIdle).toBe(false);

    hung.resolve();
    await idle;
    expect(done).toEqual(["next", "hangs"]);
  });

  it("never has more handlers at work than the concurrency allows", async () => {
    const topics = inProcessTopics();
    let atWork = 0;
    let most = 0;
    topics.subscribe("t", policy, async () => {
      most = Math.max(most, ++atWork);
      await new Promise((resolve) => setImmediate(resolve));
      atWork--;
    });

    await topics.publish(Array.from({ length: 50 }, (_, number) => message("t", number)));
    await topics.idle();

    expect(most).toBe(8);
  });

  it("shares no object between publisher and receivers, nor between deliveries", async () => {
    const topics = inProcessTopics();
    const seen: string[] = [];
    topics.subscribe("t", { ...policy, minimumBackoffSeconds: 0 }, async (delivery) => {
      const payload = delivery.payload as { list: number[] };
      seen.push(JSON.stringify([payload, delivery.attributes]));
      payload.list.push(99);
      Object.assign(delivery.attributes, { org: "changed" });
      if (seen.length === 1) throw new Error("again");
    });
    const payload = { list: [1] };
    const attributes: Record<string, string> = { org: "o" };

    await topics.publish([{ topic: "t", payload, attributes }]);
    payload.list.push(2);
    attributes["org"] = "p";
    await topics.idle();

    expect(seen).toEqual(['[{"list":[1]},{"org":"o"}]', '[{"list":[1]},{"org":"o"}]']);
  });

  it("drops what is published to a topic without a subscriber", async () => {
    const topics = inProcessTopics();
    const received: unknown[] = [];

    await topics.publish([message("t", "before")]);
    topics.subscribe("t", policy, async ({ payload }) => void received.push(payload));
    await topics.publish([message("t", "after")]);
    await topics.idle();

    expect(received).toEqual(["after"]);
  });

  it("is not idle while what a handler published is still on its way", async () => {
    const topics = inProcessTopics();
    const received: unknown[] = [];
    topics.subscribe("second", policy, async ({ payload }) => void received.push(payload));
    topics.subscribe("first", policy, async ({ payload }) => topics.publish([message("second", payload)]));

    await topics.publish([message("first", 1)]);
    await topics.idle();

    expect(received).toEqual([1]);
  });

  it("keeps delivering a dead letter past the maximum until it is taken", async () => {
    const time = manualTime();
    const topics = inProcessTopics({ ...time });
    const seen: [string, number, object][] = [];
    topics.subscribe("dead-letter", policy, async ({ messageId, deliveryAttempt, attributes }) => {
      seen.push([messageId, deliveryAttempt, attributes]);
      if (seen.length < 6) throw new Error("storage is down");
    });

    await topics.publish([message("dead-letter", 1)]);
    await time.runUntil(topics.idle());

    const messageId = seen[0]?.[0];
    expect(seen).toEqual([1, 2, 3, 4, 5, 6].map((attempt) => [messageId, attempt, {}]));
  });

  it("closes by waiting for the handler at work, and delivers nothing afterwards", async () => {
    const time = manualTime();
    const topics = inProcessTopics({ ...time, concurrency: 1 });
    const gate = deferred();
    const started: unknown[] = [];
    let isClosed = false;
    topics.subscribe("t", policy, async ({ payload }) => {
      started.push(payload);
      await gate.promise;
      throw new Error("not acknowledged");
    });

    await topics.publish([message("t", 1), message("t", 2)]);
    await vi.waitFor(() => expect(started).toEqual([1]));
    const closing = topics.close().then(() => (isClosed = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(false);
    gate.resolve();
    await closing;

    expect(started).toEqual([1]);
    expect(time.pending()).toBe(0);
    await expect(topics.publish([message("t", 3)])).rejects.toMatchObject({ code: "TOPICS_CLOSED", retryable: true });
  });

  it("refuses a second subscriber of a topic", () => {
    const topics = inProcessTopics();
    topics.subscribe("t", policy, async () => {});

    expect(() => topics.subscribe("t", policy, async () => {})).toThrow(
      expect.objectContaining({ code: "TOPIC_ALREADY_SUBSCRIBED" }),
    );
  });

  it("a publisher does not wait for the handlers", async () => {
    const topics = inProcessTopics();
    const gate = deferred();
    topics.subscribe("t", policy, () => gate.promise);

    await topics.publish([message("t", 1)]);

    gate.resolve();
    await topics.idle();
  });
});

describe("backoff", () => {
  it("stays between the minimum and the maximum and doubles in between", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        (attempt, random) => {
          const wait = backoffMilliseconds(policy, attempt, () => random);

          expect(wait).toBeGreaterThanOrEqual(10_000);
          expect(wait).toBeLessThanOrEqual(Math.min(600_000, 10_000 * 2 ** (attempt - 1)));
        },
      ),
    );
    expect(backoffMilliseconds(policy, 3, () => 0)).toBe(20_000);
    expect(backoffMilliseconds(policy, 100, () => 0)).toBe(300_000);
  });
});

interface Deferred {
  promise: Promise<void>;
  resolve(): void;
}

function deferred(): Deferred {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Time that stands still until it is moved; starts at the epoch. */
function manualTime() {
  let now = 0;
  const timers = new Set<{ at: number; run: () => void }>();
  const after: After = (delayMilliseconds, run) => {
    const timer = { at: now + delayMilliseconds, run };
    timers.add(timer);
    return () => timers.delete(timer);
  };
  const next = () => [...timers].sort((a, b) => a.at - b.at)[0];
  function advanceTo(instant: number): void {
    for (let timer = next(); timer !== undefined && timer.at <= instant; timer = next()) {
      timers.delete(timer);
      now = Math.max(now, timer.at);
      timer.run();
    }
    now = Math.max(now, instant);
  }
  /** Jumps from timer to timer, letting handlers run in between, until the promise is settled. */
  async function runUntil(promise: Promise<void>): Promise<void> {
    let isSettled = false;
    const watched = promise.finally(() => {
      isSettled = true;
    });
    while (!isSettled) {
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      const timer = next();
      if (timer !== undefined) advanceTo(timer.at);
    }
    await watched;
  }
  return { clock: { now: () => new Date(now) }, after, advanceTo, runUntil, pending: () => timers.size };
}
