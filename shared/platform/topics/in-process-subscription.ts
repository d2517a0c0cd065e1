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

/** One subscription with push semantics. `settled` is called whenever `outstanding` has shrunk. */
export class InProcessSubscription {
  readonly #options: SubscriptionOptions;
  readonly #settled: () => void;
  readonly #ready: { message: KeptMessage; attempt: number }[] = [];
  readonly #waits = new Set<() => void>();
  #unacknowledged = 0;
  #handlers = 0;
  #busySlots = 0;
  #isPumping = false;
  #isStopped = false;

  constructor(options: SubscriptionOptions, settled: () => void) {
    this.#options = options;
    this.#settled = settled;
  }

  push(message: KeptMessage): void {
    this.#unacknowledged++;
    this.#ready.push({ message, attempt: 1 });
    this.#pump();
  }

  /** Messages not yet acknowledged plus handlers still at work. */
  outstanding(): number {
    return this.#unacknowledged + this.#handlers;
  }

  /** Starts no further handler and drops what waits; handlers at work go on. */
  stop(): void {
    this.#isStopped = true;
    this.#unacknowledged = 0;
    this.#ready.length = 0;
    for (const cancel of [...this.#waits]) cancel();
    this.#settled();
  }

  /** Handlers start from the event loop, not from a microtask: a backlog of handlers that never wait must not starve it. */
  #pump(): void {
    if (this.#isPumping || this.#isStopped) return;
    this.#isPumping = true;
    setImmediate(() => {
      this.#isPumping = false;
      while (!this.#isStopped && this.#busySlots < this.#options.concurrency) {
        const next = this.#ready.shift();
        if (next === undefined) break;
        this.#attempt(next.message, next.attempt);
      }
    });
  }

  #attempt(message: KeptMessage, attempt: number): void {
    this.#busySlots++;
    this.#handlers++;
    let isDecided = false;
    const decide = (isAcknowledged: boolean): void => {
      if (isDecided) return;
      isDecided = true;
      cancelDeadline();
      this.#busySlots--;
      this.#conclude(message, attempt, isAcknowledged);
    };
    // As with push, an answer after the deadline counts for nothing: the message is already on its way again.
    const cancelDeadline = this.#wait(this.#options.policy.ackDeadlineSeconds * 1000, () => decide(false));
    this.#deliver(message, attempt)
      .then(
        () => decide(true),
        () => decide(false),
      )
      .finally(() => {
        this.#handlers--;
        this.#settled();
      });
  }

  async #deliver(message: KeptMessage, attempt: number): Promise<void> {
    const { text, ...rest } = message;
    const attributes = { ...message.attributes };
    await this.#options.deliver({ ...rest, attributes, payload: JSON.parse(text), deliveryAttempt: attempt });
  }

  #conclude(message: KeptMessage, attempt: number, isAcknowledged: boolean): void {
    if (this.#isStopped) return;
    if (isAcknowledged) this.#unacknowledged--;
    else this.#again(message, attempt);
    this.#pump();
  }

  #again(message: KeptMessage, attempt: number): void {
    const { policy, deadLetter, random } = this.#options;
    if (deadLetter !== undefined && attempt >= policy.maximumDeliveries) {
      deadLetter(message, attempt);
      this.#unacknowledged--;
      this.#settled();
      return;
    }
    this.#wait(backoffMilliseconds(policy, attempt, random), () => {
      this.#ready.push({ message, attempt: attempt + 1 });
      this.#pump();
    });
  }

  #wait(delayMilliseconds: number, then: () => void): () => void {
    const cancelTimer = this.#options.after(delayMilliseconds, () => {
      this.#waits.delete(cancel);
      then();
    });
    const cancel = (): void => {
      this.#waits.delete(cancel);
      cancelTimer();
    };
    this.#waits.add(cancel);
    return cancel;
  }
}

/**
 * Wait before delivery `attempt` + 1: the minimum doubled with each failure, at most the maximum; the upper half of it
 * is random so that messages which failed together do not come back together, but never below the minimum.
 */
export function backoffMilliseconds(policy: SubscriptionPolicy, attempt: number, random: () => number): number {
  const bound = Math.min(policy.maximumBackoffSeconds, policy.minimumBackoffSeconds * 2 ** (attempt - 1));
  return Math.max(policy.minimumBackoffSeconds, bound / 2 + (random() * bound) / 2) * 1000;
}
