/** The port of wake-ups. Delivery is at least once and unordered; whoever receives must be safe to run twice. */
export interface Topics {
  /** Resolves when every message is accepted by the broker; rejects when any may be lost. */
  publish(messages: readonly Message[]): Promise<void>;
  close(): Promise<void>;
}

export interface Message {
  topic: string;
  /** JSON, at most 256 KiB as text. */
  payload: unknown;
  attributes: Readonly<Record<string, string>>;
}

/** What a subscriber is handed; `deliveryAttempt` counts from 1. */
export interface Delivery {
  topic: string;
  messageId: string;
  publishTime: string;
  payload: unknown;
  attributes: Readonly<Record<string, string>>;
  deliveryAttempt: number;
}

/** How a subscription of ours behaves, in both platforms. Times in seconds. */
export interface SubscriptionPolicy {
  ackDeadlineSeconds: number;
  minimumBackoffSeconds: number;
  maximumBackoffSeconds: number;
  /** After so many deliveries the message goes to the topic `dead-letter`. */
  maximumDeliveries: number;
}

/** Host side of the in-process adapter: a handler that rejects asks for redelivery. */
export interface SubscribableTopics extends Topics {
  subscribe(topic: string, policy: SubscriptionPolicy, deliver: (delivery: Delivery) => Promise<void>): void;
  /** Resolves when nothing is queued, waiting for its backoff, or in a handler. */
  idle(): Promise<void>;
}
