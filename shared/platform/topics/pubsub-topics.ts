import type { PubSub, Topic } from "@google-cloud/pubsub";
import { AppError } from "#shared/runtime/errors.ts";
import { messageText } from "./message-text.ts";
import type { Message, Topics } from "./topics.ts";

export interface PubsubTopicsOptions {
  projectId: string;
  /** `host:port`; without it `PUBSUB_EMULATOR_HOST` counts, then Google's own address. */
  apiEndpoint?: string;
}

/** The broker's limit per publish request. */
const messagesPerRequest = 1000;
const publishTimeoutMilliseconds = 20_000;

/**
 * Cloud Pub/Sub. `publish` sends at once, one request per topic and thousand messages, and waits for all answers:
 * nothing may be left to do after a function has answered. Attributes, `traceparent` among them, pass unchanged.
 * Throws `MESSAGE_MALFORMED`, `MESSAGE_TOO_LARGE`, and `TOPICS_UNAVAILABLE` (retryable) when any message may be lost.
 */
export function pubsubTopics(options: PubsubTopicsOptions): Topics {
  let opening: Promise<PubSub> | undefined;
  const topics = new Map<string, Topic>();

  const open = (): Promise<PubSub> => {
    opening ??= openClient(options).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };

  function topicOf(client: PubSub, name: string): Topic {
    let topic = topics.get(name);
    if (topic === undefined) {
      const batching = { maxMessages: messagesPerRequest };
      topic = client.topic(name, { batching, gaxOpts: { timeout: publishTimeoutMilliseconds } });
      topics.set(name, topic);
    }
    return topic;
  }

  return {
    async publish(messages: readonly Message[]) {
      const texts = messages.map((message) => ({ ...message, text: messageText(message) }));
      const client = await open();
      const sent = texts.map(({ topic, text, attributes }) =>
        topicOf(client, topic).publishMessage({ data: Buffer.from(text), attributes: { ...attributes } }),
      );
      const flushed = [...new Set(texts.map(({ topic }) => topic))].map((name) => topicOf(client, name).flush());
      const outcomes = await Promise.allSettled([...sent, ...flushed]);
      const failure = outcomes.find((outcome) => outcome.status === "rejected");
      if (failure !== undefined) {
        throw new AppError("TOPICS_UNAVAILABLE", "Not every message was accepted by Pub/Sub.", {
          retryable: true,
          cause: failure.reason,
        });
      }
    },
    async close() {
      if (opening !== undefined) await (await opening).close();
    },
  };
}

/** Imported at the first use: the client is the most of a cold start. */
export async function openClient({ projectId, apiEndpoint }: PubsubTopicsOptions): Promise<PubSub> {
  // A CommonJS package in a bundle has no names but `default`.
  const { default: pubsub } = await import("@google-cloud/pubsub");
  return new pubsub.PubSub({ projectId, ...(apiEndpoint === undefined ? {} : { apiEndpoint }) });
}
