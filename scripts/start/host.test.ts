import { Type } from "@sinclair/typebox";
import { describe, expect, it, vi } from "vitest";
import { publicAccess } from "#shared/access/caller.ts";
import { open as openDocuments } from "#shared/platform/embedded/documents.ts";
import { type AnyFunction, httpFunction, scheduledFunction, topicFunction } from "#shared/runtime/declaration.ts";
import { type OutboxDocument, outboxDocument, outboxPath } from "#shared/runtime/outbox.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { testConfiguration, testHost } from "./host.fixture.ts";
import { startHost } from "./host.ts";

const Numbered = strictObject({ n: Type.Integer() });
const quick = { minimumBackoffSeconds: 0.01, maximumBackoffSeconds: 0.01 };

function receiver(take: (n: number, attempt: number) => Promise<void> | void): AnyFunction {
  return topicFunction({
    topic: "numbers",
    message: Numbered,
    uses: [],
    policy: quick,
    handle: async ({ payload, deliveryAttempt }) => take(payload.n, deliveryAttempt),
  });
}

function endpoint(handle: () => Promise<string>): AnyFunction {
  const response = Type.String();
  return httpFunction({ method: "GET", path: "/x", summary: "x", access: publicAccess(), uses: [], response, handle });
}

function scheduled(cron: string, handle: () => Promise<void> | void): AnyFunction {
  return scheduledFunction({ cron, uses: [], handle: async () => handle() });
}

/** A promise that the test settles. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

const message = (topic: string, payload: unknown) => ({ topic, payload, attributes: {} });

describe("messages in a host", () => {
  it("reach the function of their topic, and again when it fails", async () => {
    const taken: [number, number][] = [];
    const reader = receiver((n, attempt) => {
      taken.push([n, attempt]);
      if (attempt < 3) throw new Error("not yet");
    });
    const host = await testHost({ functions: { reader } });

    await host.ports.topics.publish([message("numbers", { n: 7 })]);
    await host.idle();

    expect(taken).toEqual([
      [7, 1],
      [7, 2],
      [7, 3],
    ]);
  });

  it("that cannot be read go to the dead letters with the reason", async () => {
    const letters: [unknown, string | undefined][] = [];
    const taken: number[] = [];
    const letterReader = topicFunction({
      topic: "dead-letter",
      message: Type.Unknown(),
      uses: [],
      handle: async ({ payload, attributes }) => void letters.push([payload, attributes["function"]]),
    });
    const host = await testHost({ functions: { reader: receiver((n) => void taken.push(n)), letterReader } });

    await host.ports.topics.publish([message("numbers", { n: "seven" })]);
    await host.idle();

    expect(taken).toEqual([]);
    expect(letters).toEqual([[{ n: "seven" }, "reader"]]);
  });

  it("that an earlier process left in the outbox are published before the port opens, whenever they were due", async () => {
    const config = await testConfiguration();
    const now = new Date();
    const earlier = await openDocuments(config);
    const pending = { ...outboxDocument("msg_1", message("numbers", { n: 3 }), null, now), attempts: 9 };
    const due = new Date(now.getTime() + 600_000).toISOString();
    await earlier.transaction(async (tx) => tx.create(outboxPath("msg_1"), { ...pending, nextAttemptAt: due }));
    await earlier.close();
    const taken: number[] = [];

    const host = await testHost({ config, functions: { reader: receiver((n) => void taken.push(n)) } });
    await host.idle();

    expect(taken).toEqual([3]);
    const { body } = await host.ports.documents.get<OutboxDocument>(outboxPath("msg_1"));
    expect(body?.state).toBe("DONE");
  });
});

describe("scheduled functions in a host", () => {
  it("start at their times", async () => {
    const started = vi.fn();
    await testHost({ functions: { every: scheduled("* * * * * *", started) }, ticks: true });

    await vi.waitFor(() => expect(started.mock.calls.length).toBeGreaterThan(1), { timeout: 5000 });
  });

  it("skip a tick that comes while the one before is at work", async () => {
    const { opened, open } = gate();
    const started = vi.fn(() => opened);
    const host = await testHost({ functions: { slow: scheduled("0 0 1 1 *", started) } });
    const tick = message("tick-slow", {});

    await host.ports.topics.publish([tick]);
    await vi.waitFor(() => expect(started).toHaveBeenCalledTimes(1));
    await host.ports.topics.publish([tick]);
    await host.ports.topics.publish([tick]);
    await new Promise((resolve) => setImmediate(resolve));
    open();
    await host.idle();

    expect(started).toHaveBeenCalledTimes(1);
    await host.ports.topics.publish([tick]);
    await host.idle();
    expect(started).toHaveBeenCalledTimes(2);
  });

  it("named sweep-tick run once at every start, after the start's own steps and before the port opens", async () => {
    const order: string[] = [];
    const sweep = scheduled("0 0 1 1 *", () => void order.push("sweep"));
    const step = (name: string) => async () => void order.push(name);

    await testHost({ functions: { "sweep-tick": sweep }, onStart: [step("first"), step("second")] });

    expect(order).toEqual(["first", "second", "sweep"]);
  });
});

describe("the life of a host", () => {
  it("ends after the requests and messages at work, and takes nothing new", async () => {
    const { opened, open } = gate();
    const begun = vi.fn();
    const wait = async (): Promise<string> => {
      begun();
      await opened;
      return "done";
    };
    const finished: number[] = [];
    const reader = receiver(async (n) => {
      await wait();
      finished.push(n);
    });
    const host = await testHost({ functions: { slow: endpoint(wait), reader } });
    const answer = fetch(`${host.url}/x`);
    await host.ports.topics.publish([message("numbers", { n: 1 })]);
    await vi.waitFor(() => expect(begun).toHaveBeenCalledTimes(2));

    const stopped = host.stop();
    await expect(fetch(`${host.url}/x`)).rejects.toThrow();
    open();
    await stopped;

    expect(await (await answer).json()).toBe("done");
    expect(finished).toEqual([1]);
    await expect(host.ports.topics.publish([message("numbers", { n: 2 })])).rejects.toMatchObject({
      code: "TOPICS_CLOSED",
    });
  });

  it("gives its data folder free, so that the next one starts on the same state", async () => {
    const config = await testConfiguration();
    const first = await testHost({ config, functions: {} });
    await first.ports.documents.transaction(async (tx) => tx.create("things/a", { kept: true }));

    await first.stop();
    const second = await testHost({ config, functions: {} });

    expect((await second.ports.documents.get("things/a")).body).toEqual({ kept: true });
  });

  it("does not begin on a folder that another one holds, and says so", async () => {
    const config = await testConfiguration();
    await testHost({ config, functions: {} });

    await expect(startHost({ config, functions: {} })).rejects.toMatchObject({
      code: "DOCUMENTS_LOCKED",
      message: expect.stringContaining("in use by another process"),
    });
  });

  it("does not begin on a taken port, says so, and gives its folder free again", async () => {
    const { port } = new URL((await testHost({ functions: {} })).url);
    const config = await testConfiguration({ PORT: port });

    await expect(startHost({ config, functions: {} })).rejects.toMatchObject({
      code: "PORT_TAKEN",
      message: expect.stringContaining(`Port ${port} on 127.0.0.1 is taken.`),
    });

    await testHost({ config: { ...config, PORT: 0 }, functions: {} });
  });

  it("does not begin when a step of the start fails, and keeps no lock", async () => {
    const config = await testConfiguration();
    const failing = async (): Promise<void> => {
      throw new Error("no");
    };

    await expect(startHost({ config, functions: {}, onStart: [failing] })).rejects.toThrow("no");

    await testHost({ config, functions: {} });
  });
});
