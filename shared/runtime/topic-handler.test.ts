import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Type } from "@sinclair/typebox";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { storableBody } from "#shared/platform/documents/document-rules.ts";
import { messageText } from "#shared/platform/topics/message-text.ts";
import { scheduledFunction, type TopicMessage, topicFunction } from "./declaration.ts";
import { AppError } from "./errors.ts";
import type { NodeHandler } from "./http-handler.ts";
import type { FrameworkRequest } from "./request.ts";
import { choice, strictObject } from "./schema.ts";
import { type Served, serveFunctions } from "./served.fixture.ts";
import { topicHandler } from "./topic-handler.ts";

const Order = strictObject({ id: Type.String({ alsoAs: ["order_id"] }), kind: choice(["NEW", "OLD"]) });

let served: Served;
let server: Server;
let seen: TopicMessage<unknown>[];
let failure: Error | undefined;
let ticks: Date[];

const orders = topicFunction({
  topic: "orders",
  message: Order,
  uses: [],
  handle: async (message) => {
    seen.push(message);
    if (failure !== undefined) throw failure;
  },
});
const deadLetters = topicFunction({
  topic: "dead-letter",
  message: Type.Unknown(),
  uses: [],
  handle: async (message) => {
    seen.push(message);
  },
});
const nightly = scheduledFunction({
  cron: "0 3 * * *",
  uses: [],
  handle: async ({ at }) => {
    ticks.push(at);
    if (failure !== undefined) throw failure;
  },
});

beforeEach(async () => {
  seen = [];
  ticks = [];
  failure = undefined;
  served = await serveFunctions({});
  await listen("orders-reader", orders);
});

afterEach(async () => {
  server.close();
  server.closeAllConnections();
  await served.stop();
});

async function listen(name: string, fn: typeof orders | typeof nightly, settings: object = {}): Promise<void> {
  const config = { ...served.given.config, ...settings };
  await listenTo(topicHandler(name, fn, { ...served.given, config }));
}

async function listenTo(handler: NodeHandler): Promise<void> {
  server?.close();
  server = createServer(async (request: FrameworkRequest, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    request.rawBody = Buffer.concat(parts);
    await handler(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
}

async function push(body: string): Promise<number> {
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
  expect(await response.text()).toBe("");
  return response.status;
}

function envelope(payload: unknown, more: object = {}): string {
  const data = Buffer.from(JSON.stringify(payload)).toString("base64");
  const message = { data, messageId: "m1", publishTime: "2026-08-10T11:59:00Z", attributes: { kind: "x" } };
  return JSON.stringify({ message, subscription: "projects/p/subscriptions/orders", deliveryAttempt: 3, ...more });
}

describe("a message", () => {
  it("is handed over as its schema describes it, and acknowledged", async () => {
    expect(await push(envelope({ order_id: "o1", kind: "new" }))).toBe(204);

    const payload = { id: "o1", kind: "NEW" };
    expect(seen).toEqual([{ payload, attributes: { kind: "x" }, messageId: "m1", deliveryAttempt: 3 }]);
    expect(served.topics.published).toEqual([]);
  });

  it.each([
    ["no JSON", "not json"],
    ["an empty body", ""],
    ["no message", "{}"],
    ["data that is not base64", envelope(1).replace(/"data":"[^"]*"/, '"data":"***"')],
    ["a payload that is not JSON", envelope(1).replace(/"data":"[^"]*"/, '"data":"bm90IGpzb24="')],
    ["a payload of another form", envelope({ id: 1, kind: "NEW" })],
    ["a payload with more than is declared", envelope({ id: "o1", kind: "NEW", isAdmin: true })],
    ["a payload with machinery", envelope(JSON.parse('{"id":"o1","kind":"NEW","__proto__":{"a":1}}'))],
    ["a time that is none", envelope(1).replace("2026-08-10T11:59:00Z", "yesterday")],
  ])("with %s goes to the dead letters with its reason, and is acknowledged", async (_what, body) => {
    expect(await push(body)).toBe(204);

    expect(seen).toEqual([]);
    expect(served.topics.published).toHaveLength(1);
    const [letter] = served.topics.published;
    expect(letter).toMatchObject({ topic: "dead-letter", attributes: { function: "orders-reader" } });
    expect(letter?.attributes["reason"]).toMatch(/./);
    expect(letter?.attributes["messageId"]).toMatch(/./);
  });

  it("keeps its payload and attributes as a dead letter", async () => {
    await push(envelope({ id: "o1" }));

    expect(served.topics.published[0]).toMatchObject({
      payload: { id: "o1" },
      attributes: { kind: "x", messageId: "m1", reason: expect.stringContaining("/kind is required") as string },
    });
  });

  it.each([
    ["half a character where its text is cut", `${"x".repeat(9_990)}${"\u{1f680}".repeat(20)}`],
    ["NUL", "a\0b"],
    ["a lone surrogate in its payload", envelope({ id: "\ud800" })],
    ["NUL in its payload", envelope({ id: "\0" })],
    ["a reason of many bytes", envelope({ id: "o1", kind: "NEW", ["\u96f2".repeat(600)]: 1 })],
    ["a payload deeper than any document", envelope({ deep: JSON.parse("[".repeat(60) + "]".repeat(60)) as unknown })],
    ["a payload larger than any message", envelope({ id: "x".repeat(300_000) })],
  ])("with %s makes a dead letter that the bus and the store take", async (_what, body) => {
    expect(await push(body)).toBe(204);

    const [letter] = served.topics.published;
    if (letter === undefined) throw new Error("there is no dead letter");
    expect(() => messageText(letter)).not.toThrow();
    expect(() => storableBody("deadLetters/x", { ...letter })).not.toThrow();
    const again = topicHandler("dead-letter", deadLetters, served.given);
    await listenTo(again);
    expect(await push(envelope(letter.payload))).toBe(204);
    expect(seen).toHaveLength(1);
  });

  it("that nobody can take into the dead letters comes again", async () => {
    served.topics.isDown = true;

    expect(await push("not json")).toBe(503);
  });

  it.each([
    ["an unexpected failure", new Error("boom")],
    ["a dependency that is down", new AppError("WAREHOUSE_UNAVAILABLE", "down", { retryable: true })],
    ["a refusal of a room", new AppError("INVALID_BODY", "a rule of the room")],
  ])("whose handler fails comes again: %s", async (_what, thrown) => {
    failure = thrown;

    expect(await push(envelope({ id: "o1", kind: "NEW" }))).toBe(503);
    expect(served.topics.published).toEqual([]);
    expect(served.lines).toContainEqual(
      expect.objectContaining({ level: "error", message: "message failed", message_id: "m1", reason: thrown.message }),
    );
  });

  it("that its handler declares malformed goes to the dead letters", async () => {
    failure = new AppError("MESSAGE_MALFORMED", "names a run of another organization");

    expect(await push(envelope({ id: "o1", kind: "NEW" }))).toBe(204);
    expect(served.topics.published).toHaveLength(1);
  });

  it("leaves one line with its outcome and no payload", async () => {
    await push(envelope({ id: "a-payload-nobody-logs", kind: "NEW" }));
    await push("not json");

    const lines = served.lines.filter(({ message }) => message === "message");
    expect(lines.map(({ function: name, outcome }) => [name, outcome])).toEqual([
      ["orders-reader", "done"],
      ["orders-reader", "dead"],
    ]);
    expect(JSON.stringify(served.lines)).not.toContain("a-payload-nobody-logs");
  });

  it("without the identity of our own subscriptions is refused before it is read", async () => {
    await listen("orders-reader", orders, { PUSH_OIDC_AUDIENCE: "https://p", PUSH_SERVICE_ACCOUNT: "a@b.c" });

    expect([await push(envelope({ id: "o1", kind: "NEW" })), await push("not json")]).toEqual([401, 401]);
    expect([seen.length, served.topics.published.length]).toEqual([0, 0]);
  });
});

describe("a tick", () => {
  beforeEach(() => listen("nightly", nightly));

  const tick = envelope({}, { subscription: "projects/p/subscriptions/tick-nightly" });

  it("starts its function at the instant of the platform's clock", async () => {
    expect(await push(tick)).toBe(204);
    expect(ticks).toEqual([new Date("2026-08-10T12:00:00.000Z")]);
  });

  it("comes again when its function fails", async () => {
    failure = new Error("boom");

    expect(await push(tick)).toBe(503);
  });
});
