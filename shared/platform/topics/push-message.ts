import { AppError } from "#shared/runtime/errors.ts";
import { lastSegment } from "./dead-letter.ts";
import type { Delivery } from "./topics.ts";

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;
type Json = Readonly<Record<string, unknown>>;

const publishedType = "google.cloud.pubsub.topic.v1.messagePublished";

/**
 * Reads what Pub/Sub posts to a push endpoint: its own body (https://cloud.google.com/pubsub/docs/push#receive_push) or
 * a CloudEvent, binary or structured. `body` is parsed JSON, header names are lower case. The topic comes from the event's
 * source, else from the subscription (ours are named after their topic), else it is `fallbackTopic`.
 * Throws `MESSAGE_MALFORMED`, which no redelivery can cure.
 */
export function readPush(body: unknown, headers: Headers, fallbackTopic?: string): Delivery {
  const event = readEnvelope(asObject(body, "the body"), headers);
  const message = asObject(event.data["message"], "message");
  const topic = topicOf(event, fallbackTopic);
  return {
    topic,
    messageId: asText(message["messageId"] ?? message["message_id"], "messageId"),
    publishTime: asInstant(message["publishTime"] ?? message["publish_time"] ?? event.time),
    payload: readPayload(message["data"]),
    attributes: readAttributes(message["attributes"]),
    deliveryAttempt: readAttempt(event.data["deliveryAttempt"]),
  };
}

/** The body that the in-process host posts: the same form as Pub/Sub's. */
export function writePush(delivery: Delivery): unknown {
  const { topic, messageId, publishTime, payload, attributes, deliveryAttempt } = delivery;
  const data = Buffer.from(JSON.stringify(payload)).toString("base64");
  return {
    message: { data, attributes: { ...attributes }, messageId, publishTime },
    subscription: `projects/local/subscriptions/${topic}`,
    deliveryAttempt,
  };
}

interface Envelope {
  data: Json;
  source: string | undefined;
  time: unknown;
}

function readEnvelope(body: Json, headers: Headers): Envelope {
  if (headers["ce-type"] !== undefined) {
    checkType(headers["ce-type"]);
    return { data: body, source: optionalText(headers["ce-source"], "ce-source"), time: headers["ce-time"] };
  }
  if (body["specversion"] !== undefined) {
    checkType(body["type"]);
    return { data: asObject(body["data"], "data"), source: optionalText(body["source"], "source"), time: body["time"] };
  }
  return { data: body, source: undefined, time: undefined };
}

function checkType(type: unknown): void {
  if (type !== publishedType) throw malformed("the event's type is not that of a published message");
}

function topicOf({ source, data }: Envelope, fallbackTopic: string | undefined): string {
  const fromSource = source?.includes("/topics/") === true ? lastSegment(source) : "";
  if (fromSource !== "") return fromSource;
  const fromSubscription = lastSegment(optionalText(data["subscription"], "subscription") ?? "");
  const topic = fromSubscription === "" ? fallbackTopic : fromSubscription;
  if (topic === undefined) throw malformed("neither the source nor the subscription names the topic");
  return topic;
}

function readPayload(data: unknown): unknown {
  const bytes = Buffer.from(asText(data, "data"), "base64");
  if (bytes.toString("base64") !== data) throw malformed("data is not base64");
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw malformed("data is not JSON in UTF-8", cause);
  }
}

function readAttributes(attributes: unknown): Record<string, string> {
  if (attributes === undefined || attributes === null) return {};
  const entries = Object.entries(asObject(attributes, "attributes"));
  if (entries.some(([, value]) => typeof value !== "string")) throw malformed("an attribute is not text");
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Absent where the subscription has no dead letter policy, and on Google's emulator. */
function readAttempt(attempt: unknown): number {
  if (attempt === undefined || attempt === null) return 1;
  if (!Number.isSafeInteger(attempt) || (attempt as number) < 1) throw malformed("deliveryAttempt is not a count");
  return attempt as number;
}

function asObject(value: unknown, what: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed(`${what} is not an object`);
  return value as Json;
}

function asText(value: unknown, what: string): string {
  if (typeof value !== "string" || value === "") throw malformed(`${what} is missing`);
  return value;
}

function optionalText(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  return asText(value, what);
}

function asInstant(value: unknown): string {
  const text = asText(value, "publishTime");
  if (!/^\d{4}-\d\d-\d\dT/.test(text) || Number.isNaN(Date.parse(text)))
    throw malformed("publishTime is not an instant");
  return text;
}

function malformed(why: string, cause?: unknown): AppError {
  return new AppError("MESSAGE_MALFORMED", `Not a message: ${why}.`, { cause });
}
