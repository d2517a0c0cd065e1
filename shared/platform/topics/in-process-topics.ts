import { randomUUID } from "node:crypto";
import { AppError } from "#shared/runtime/errors.ts";
import { type Clock, systemClock } from "../clock.ts";
import { deadLetterAttributes, deadLetterTopic } from "./dead-letter.ts";
import { InProcessSubscription, type KeptMessage } from "./in-process-subscription.ts";
import { messageText } from "./message-text.ts";
import { type After, systemAfter } from "./timers.ts";
import type { Message, SubscribableTopics } from "./topics.ts";

export interface InProcessTopicsOptions {
  clock?: Clock;
  /** In [0, 1), for the spread of the backoff. */
  random?: () => number;
  after?: After;
  /** Handlers at work at once, per subscription. */
  concurrency?: number;
}

/**
 * The bus of the embedded platform, with the semantics of our push subscriptions: at least once, unordered, redelivery
 * after a failure or a missed deadline, dead letter after the last delivery. A message to a topic nobody subscribed to is
 * dropped, as Pub/Sub does. Nothing survives the process: the outbox feeds it again. Messages to `dead-letter` themselves
 * are delivered until they are taken. Throws `MESSAGE_MALFORMED`, `MESSAGE_TOO_LARGE`, `TOPICS_CLOSED`.
 */
export function inProcessTopics(options: InProcessTopicsOptions = {}): SubscribableTopics {
  const { clock = systemClock, random = Math.random, after = systemAfter, concurrency = 8 } = options;
  const subscriptions = new Map<string, InProcessSubscription>();
  const waitingForIdle = new Set<() => void>();
  let isClosed = false;

  function enqueue(topic: string, text: string, attributes: Readonly<Record<string, string>>): void {
    const publishTime = clock.now().toISOString();
    subscriptions
      .get(topic)
      ?.push({ topic, messageId: randomUUID(), publishTime, text, attributes: { ...attributes } });
  }

  function deadLetter(message: KeptMessage, deliveries: number): void {
    const { topic, text, attributes, publishTime } = message;
    enqueue(deadLetterTopic, text, { ...attributes, ...deadLetterAttributes(topic, publishTime, deliveries) });
  }

  const settled = (): void => {
    if ([...subscriptions.values()].some((subscription) => subscription.outstanding() > 0)) return;
    for (const resolve of waitingForIdle) resolve();
    waitingForIdle.clear();
  };

  const idle = (): Promise<void> =>
    new Promise((resolve) => {
      waitingForIdle.add(resolve);
      settled();
    });

  return {
    idle,
    async publish(messages: readonly Message[]) {
      if (isClosed) throw new AppError("TOPICS_CLOSED", "The bus is closed.", { retryable: true });
      const texts = messages.map((message) => ({ ...message, text: messageText(message) }));
      for (const { topic, text, attributes } of texts) enqueue(topic, text, attributes);
    },
    subscribe(topic, policy, deliver) {
      if (subscriptions.has(topic)) throw new AppError("TOPIC_ALREADY_SUBSCRIBED", `Topic ${topic} has a subscriber.`);
      const letters = topic === deadLetterTopic ? undefined : deadLetter;
      const given = { policy, concurrency, deliver, after, random, deadLetter: letters };
      subscriptions.set(topic, new InProcessSubscription(given, settled));
    },
    async close() {
      isClosed = true;
      for (const subscription of subscriptions.values()) subscription.stop();
      await idle();
    },
  };
}
