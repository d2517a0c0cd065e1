import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import type { Message, Topics } from "#shared/platform/topics/topics.ts";
import { commitChange } from "./change.ts";
import { AppError } from "./errors.ts";
import { type OutboxDocument, outboxDocument, outboxPath, sweepOutbox } from "./outbox.ts";
import {
  type MovableClock,
  memoryDocuments,
  movableClock,
  type RecordedTopics,
  recordedTopics,
} from "./served.fixture.ts";

let clock: MovableClock;
let documents: Documents;
let topics: RecordedTopics;

beforeEach(() => {
  clock = movableClock();
  documents = memoryDocuments(clock);
  topics = recordedTopics();
});

afterEach(() => documents.close());

const second = 1000;

function message(number: number): Message {
  return { topic: "t", payload: { number }, attributes: {} };
}

function commit(numbers: readonly number[], bus: Topics = topics): Promise<void> {
  const ports = { documents, topics: bus, clock, ids: systemIds };
  return commitChange(async (change) => {
    for (const number of numbers) change.publish(message(number));
  }, ports);
}

/** What a later process does: `sweep-tick` runs every minute. */
function sweep(): Promise<number> {
  return sweepOutbox(clock.now(), { documents, topics });
}

function numbers(): number[] {
  return topics.published.map(({ payload }) => (payload as { number: number }).number).sort((a, b) => a - b);
}

describe("a committed message", () => {
  it("is published at once, and once", async () => {
    await commit([1, 2]);
    clock.advance(3600 * second);

    expect(await sweep()).toBe(0);
    expect(numbers()).toEqual([1, 2]);
  });

  it("whose publication failed does not fail its change, and is swept after 30 s", async () => {
    topics.isDown = true;
    await commit([1, 2]);
    topics.isDown = false;

    clock.advance(29 * second);
    const early = await sweep();
    clock.advance(1 * second);
    const late = await sweep();

    expect([early, late]).toEqual([0, 2]);
    expect(numbers()).toEqual([1, 2]);
  });

  it("of a process that was killed between commit and publication is published by another one", async () => {
    const killed: Topics = { publish: () => new Promise(() => {}), close: async () => {} };
    void commit([7], killed);

    await expect.poll(sweptLater).toEqual([7]);
  });

  it("that was published by a process which died before it could note it is published again, never lost", async () => {
    const published: Message[] = [];
    const deaf: Topics = {
      publish: async (messages) => {
        published.push(...messages);
        throw new Error("the answer was lost");
      },
      close: async () => {},
    };

    await commit([3], deaf);
    clock.advance(30 * second);
    await sweep();

    expect(published).toHaveLength(1);
    expect(numbers()).toEqual([3]);
  });

  it("comes again after 30 s, 1, 2, 4, 8 min and then every 10 min for as long as the bus is down", async () => {
    topics.isDown = true;
    await commit([1]);
    const tries: number[] = [];
    let attempts = 0;
    const counting: Topics = {
      publish: async (messages) => {
        attempts++;
        return topics.publish(messages);
      },
      close: async () => {},
    };

    for (let elapsed = 0; elapsed < 3600; elapsed += 10) {
      const before = attempts;
      await sweepOutbox(clock.now(), { documents, topics: counting });
      if (attempts > before) tries.push(elapsed);
      clock.advance(10 * second);
    }
    topics.isDown = false;
    clock.advance(600 * second);
    await sweep();

    const gaps = tries.map((at, index) => at - (tries[index - 1] ?? 0));
    expect(gaps).toEqual([30, 30, 60, 120, 240, 480, 600, 600, 600, 600]);
    expect(numbers()).toEqual([1]);
  });

  it("that the bus refuses for good holds back no other one", async () => {
    const id = systemIds.newId("msg");
    const huge: Message = { topic: "t", payload: { number: 0, text: "x" }, attributes: {} };
    await documents.transaction(async (tx) => tx.create(outboxPath(id), outboxDocument(id, huge, null, clock.now())));
    topics.isDown = true;
    await commit(Array.from({ length: 40 }, (_, number) => number + 1));
    topics.isDown = false;
    const picky: Topics = {
      publish: async (messages) => {
        if (messages.some(({ payload }) => (payload as { text?: string }).text !== undefined))
          throw new AppError("MESSAGE_TOO_LARGE", "too large");
        return topics.publish(messages);
      },
      close: async () => {},
    };

    clock.advance(30 * second);
    const published = await sweepOutbox(clock.now(), { documents, topics: picky });

    expect(published).toBe(40);
    expect(numbers()).toEqual(Array.from({ length: 40 }, (_, number) => number + 1));
    expect((await documents.get<OutboxDocument>(outboxPath(id))).body).toMatchObject({ state: "PENDING", attempts: 1 });
  });

  it("is never lost and none is made up, whatever fails in between", async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("commit" as const), count: fc.integer({ min: 1, max: 3 }), isDown: fc.boolean() }),
      fc.record({ kind: fc.constant("rollback" as const) }),
      fc.record({
        kind: fc.constant("sweep" as const),
        isDown: fc.boolean(),
        seconds: fc.integer({ min: 0, max: 900 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        topics.published.length = 0;
        const committed: number[] = [];
        let next = 0;
        for (const each of steps) {
          topics.isDown = each.kind !== "rollback" && each.isDown;
          if (each.kind === "commit") {
            const fresh = Array.from({ length: each.count }, () => ++next);
            await commit(fresh);
            committed.push(...fresh);
          } else if (each.kind === "rollback") await expect(commitAndThrow(++next)).rejects.toThrow("as asked");
          else {
            clock.advance(each.seconds * second);
            await sweep();
          }
        }
        topics.isDown = false;
        clock.advance(600 * second);
        await sweep();
        expect([...new Set(numbers())]).toEqual(committed);
      }),
      { numRuns: 60 },
    );
  });
});

function commitAndThrow(number: number): Promise<never> {
  return commitChange(
    async (change) => {
      change.publish(message(number));
      throw new Error("as asked");
    },
    { documents, topics, clock, ids: systemIds },
  );
}

/** What a sweep an hour later would have published by now. */
async function sweptLater(): Promise<number[]> {
  await sweepOutbox(new Date(clock.now().getTime() + 3600 * second), { documents, topics });
  return numbers();
}
