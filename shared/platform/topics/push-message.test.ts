import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readPush, writePush } from "./push-message.ts";

const encode = (text: string | Uint8Array): string => Buffer.from(text).toString("base64");
const message = {
  data: encode('{"run":"run_1","note":"ü 🧮"}'),
  attributes: { org: "org_1" },
  messageId: "7",
  publishTime: "2026-02-03T04:05:06.789Z",
};
const expected = {
  messageId: "7",
  publishTime: "2026-02-03T04:05:06.789Z",
  payload: { run: "run_1", note: "ü 🧮" },
  attributes: { org: "org_1" },
};
const source = "//pubsub.googleapis.com/projects/p/topics/pipeline-openai";
const type = "google.cloud.pubsub.topic.v1.messagePublished";

describe("readPush", () => {
  it("reads the body that Pub/Sub pushes", () => {
    const body = { message, subscription: "projects/p/subscriptions/pipeline-openai", deliveryAttempt: 4 };

    expect(readPush(body, {})).toEqual({ ...expected, topic: "pipeline-openai", deliveryAttempt: 4 });
  });

  it("reads the older names with underscores", () => {
    const { messageId, publishTime, ...rest } = message;
    const body = {
      message: { ...rest, message_id: messageId, publish_time: publishTime },
      subscription: "projects/p/subscriptions/t",
    };

    expect(readPush(body, {})).toEqual({ ...expected, topic: "t", deliveryAttempt: 1 });
  });

  it("reads a binary CloudEvent; the source names the topic, not the subscription", () => {
    const body = { message, subscription: "projects/p/subscriptions/eventarc-us-1" };

    expect(readPush(body, { "ce-type": type, "ce-source": source })).toEqual({
      ...expected,
      topic: "pipeline-openai",
      deliveryAttempt: 1,
    });
  });

  it("reads a structured CloudEvent", () => {
    const body = { specversion: "1.0", id: "7", type, source, data: { message, deliveryAttempt: 2 } };

    expect(readPush(body, { "content-type": "application/cloudevents+json" })).toEqual({
      ...expected,
      topic: "pipeline-openai",
      deliveryAttempt: 2,
    });
  });

  it("takes the event's time where the message has none", () => {
    const { publishTime, ...rest } = message;

    const delivery = readPush({ message: rest }, { "ce-type": type, "ce-source": source, "ce-time": publishTime });

    expect(delivery.publishTime).toBe(publishTime);
  });

  it("falls back to the given topic where nothing names one", () => {
    const headers = { "ce-type": type, "ce-source": "//pubsub.googleapis.com/" };

    expect(readPush({ message }, headers, "events").topic).toBe("events");
    expect(readPush({ message }, {}, "events").topic).toBe("events");
  });

  it("reads a message without attributes", () => {
    const { attributes: _, ...bare } = message;

    expect(readPush({ message: bare }, {}, "t").attributes).toEqual({});
  });

  it("keeps a hostile attribute name as data", () => {
    const body = JSON.parse(`{"message": ${JSON.stringify(message).replace('"org"', '"__proto__"')}}`);

    const { attributes } = readPush(body, {}, "t");

    expect(Object.entries(attributes)).toEqual([["__proto__", "org_1"]]);
    expect(Object.getPrototypeOf(attributes)).toBe(Object.prototype);
  });

  it.each([
    ["no object", "text"],
    ["a list", [message]],
    ["null", null],
    ["no message", { subscription: "projects/p/subscriptions/t" }],
    ["a message that is a list", { message: [] }],
    ["no data", { message: { ...message, data: undefined } }],
    ["empty data", { message: { ...message, data: "" } }],
    ["data that is no text", { message: { ...message, data: 7 } }],
    ["data that is no base64", { message: { ...message, data: "{}" } }],
    ["data with a line feed behind the base64", { message: { ...message, data: `${message.data}\n` } }],
    ["data that is no JSON", { message: { ...message, data: encode("{") } }],
    ["data that is no UTF-8", { message: { ...message, data: encode(Uint8Array.of(0x22, 0xff, 0x22)) } }],
    ["attributes that are a list", { message: { ...message, attributes: ["a"] } }],
    ["an attribute that is a number", { message: { ...message, attributes: { a: 1 } } }],
    ["no message id", { message: { ...message, messageId: undefined } }],
    ["a message id that is a number", { message: { ...message, messageId: 7 } }],
    ["no publish time", { message: { ...message, publishTime: undefined } }],
    ["a publish time that is none", { message: { ...message, publishTime: "yesterday" } }],
    ["attempt 0", { message, deliveryAttempt: 0 }],
    ["attempt 1.5", { message, deliveryAttempt: 1.5 }],
    ["attempt as text", { message, deliveryAttempt: "1" }],
    ["a subscription that is a number", { message, subscription: 5 }],
    [
      "an event of another type",
      { specversion: "1.0", type: "google.cloud.storage.object.v1.finalized", data: { message } },
    ],
    ["an event without data", { specversion: "1.0", type }],
  ])("refuses %s for good", (_, body) => {
    expect(() => readPush(body, {}, "t")).toThrow(
      expect.objectContaining({ name: "AppError", code: "MESSAGE_MALFORMED", retryable: false }),
    );
  });

  it("refuses a binary event of another type and a message nobody can place", () => {
    expect(() => readPush({ message }, { "ce-type": "other" }, "t")).toThrow(
      expect.objectContaining({ code: "MESSAGE_MALFORMED" }),
    );
    expect(() => readPush({ message }, {})).toThrow(expect.objectContaining({ code: "MESSAGE_MALFORMED" }));
  });
});

describe("writePush", () => {
  it("is read back as the same delivery", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{2,40}$/);
    const delivery = fc.record({
      topic: name,
      messageId: name,
      publishTime: fc
        .date({ min: new Date("2020-01-01"), max: new Date("2090-01-01"), noInvalidDate: true })
        .map((at) => at.toISOString()),
      payload: fc.json().map((text): unknown => JSON.parse(text)),
      attributes: fc.dictionary(fc.string({ unit: "grapheme", minLength: 1 }), fc.string({ unit: "grapheme" }), {
        noNullPrototype: true,
      }),
      deliveryAttempt: fc.integer({ min: 1, max: 100 }),
    });
    fc.assert(
      fc.property(delivery, (given) => {
        const posted: unknown = JSON.parse(JSON.stringify(writePush(given)));

        expect(JSON.stringify(readPush(posted, {}))).toBe(JSON.stringify(given));
      }),
    );
  });
});
