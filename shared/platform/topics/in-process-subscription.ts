import type { After } from "./timers.ts";
import type { Delivery, SubscriptionPolicy } from "./topics.ts";

/** A message as the broker keeps it: the payload is text, so no receiver can change what another one sees. */
export interface KeptMessage {
  topic: string;
  messageId: string;
  publishTime: string;
  text: string;
  attributes: Readonly<Record<string, string>>;
}

export interface SubscriptionOptions {
  policy: SubscriptionPolicy;
  concurrency: number;
  deliver: (delivery: Delivery) => Promise<void>;
  after: After;
  random: () => number;
  /** Takes over what used up its deliveries; undefined where the policy has no end, as for dead letters themselves. */
  deadLetter: ((message: KeptMessage, deliveries: number) => void) | undefined;
}

export interface InProcessSubscription {
  push(message: KeptMessage): void;
  /** Messages not yet acknowledged plus handlers still at work. */
  outstanding(): number;
  /** Starts no further handler and drops what waits; handlers at work go on. */
  stop(): void;
}

/** One subscription with push semantics. `settled` is called whenever `outstanding` has shrunk. */
export function inProcessSubscription(options: SubscriptionOptions, settled: () => void): InProcessSubscription {
  const { policy, after } = options;
  const ready: { message: KeptMessage; attempt: number }[] = [];
  const waits = new Set<() => void>();
  let unacknowledged = 0;
  let handlers = 0;
  let busySlots = 0;
  let isPumping = false;
  let isStopped = false;

  // Handlers start from the event loop, not from a microtask: a backlog of handlers that never wait must not starve it.
  function pump(): void {
    if (isPumping || isStopped) return;
    isPumping = true;
    setImmediate(() => {
      isPumping = false;
      while (!isStopped && busySlots < options.concurrency) {
        const next = ready.shift();
        if (next === undefined) break;
        attemptDelivery(next.message, next.attempt);
      }
    });
  }

  function attemptDelivery(message: KeptMessage, attempt: number): void {
    busySlots++;
    handlers++;
    let isDecided = false;
    const decide = (isAcknowledged: boolean): void => {
      if (isDecided) return;
      isDecided = true;
      cancelDeadline();
      busySlots--;
      if (isStopped) return;
      if (isAcknowledged) unacknowledged--;
      else again(message, attempt);
      pump();
    };
    // As with push, an answer after the deadline counts for nothing: the message is already on its way again.
    const cancelDeadline = wait(policy.ackDeadlineSeconds * 1000, () => decide(false));
    run(message, attempt)
      .then(
        () => decide(true),
        () => decide(false),
      )
      .finally(() => {
        handlers--;
        settled();
      });
  }

  async function run(message: KeptMessage, attempt: number): Promise<void> {
    const { text, ...rest } = message;
    const attributes = { ...message.attributes };
    await options.deliver({ ...rest, attributes, payload: JSON.parse(text), deliveryAttempt: attempt });
  }

  function again(message: KeptMessage, attempt: number): void {
    if (options.deadLetter !== undefined && attempt >= policy.maximumDeliveries) {
      options.deadLetter(message, attempt);
      unacknowledged--;
      settled();
      return;
    }
    wait(backoffMilliseconds(policy, attempt, options.random), () => {
      ready.push({ message, attempt: attempt + 1 });
      pump();
    });
  }

  function wait(delayMilliseconds: number, then: () => void): () => void {
    const cancelTimer = after(delayMilliseconds, () => {
      waits.delete(cancel);
      then();
    });
    const cancel = (): void => {
      waits.delete(cancel);
      cancelTimer();
    };
    waits.add(cancel);
    return cancel;
  }

  return {
    push(message) {
      unacknowledged++;
      ready.push({ message, attempt: 1 });
      pump();
    },
    outstanding: () => unacknowledged + handlers,
    stop() {
      isStopped = true;
      unacknowledged = 0;
      ready.length = 0;
      for (const cancel of [...waits]) cancel();
      settled();
    },
  };
}

/**
 * Wait before delivery `attempt` + 1: the minimum doubled with each failure, at most the maximum; the upper half of it
 * is random so that messages which failed together do not come back together, but never below the minimum.
 */
export function backoffMilliseconds(policy: SubscriptionPolicy, attempt: number, random: () => number): number {
  const bound = Math.min(policy.maximumBackoffSeconds, policy.minimumBackoffSeconds * 2 ** (attempt - 1));
  return Math.max(policy.minimumBackoffSeconds, bound / 2 + (random() * bound) / 2) * 1000;
}
