import { deadLetterAttributes, deadLetterTopic } from "#shared/platform/topics/dead-letter.ts";
import { messageText } from "#shared/platform/topics/message-text.ts";
import type { Delivery, Message } from "#shared/platform/topics/topics.ts";
import type { MessageFault } from "./plan.ts";

type Kept = Omit<Delivery, "deliveryAttempt" | "payload"> & { text: string };

export interface BrokerOptions {
  faults: readonly MessageFault[];
  sleep(milliseconds: number): Promise<void>;
  now(): Date;
  /** Handles one delivery; false: not acknowledged. */
  deliver(delivery: Delivery): Promise<boolean>;
  trace(line: string): void;
}

const maximumDeliveries = 10;
const ackDeadlineMilliseconds = 600_000;

/** Pub/Sub as our subscriptions use it: at least once, in no order, with backoff and a dead letter; and it may lose messages. */
export class SimulatedBroker {
  readonly #options: BrokerOptions;
  readonly #faults: Map<number, MessageFault>;
  #published = 0;
  /** Messages that are neither acknowledged nor lost. */
  outstanding = 0;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#faults = new Map(options.faults.map((fault) => [fault.at, fault]));
  }

  /** Nothing fails any more. */
  calm(): void {
    this.#faults.clear();
  }

  accept(messages: readonly Message[]): void {
    for (const message of messages) {
      this.#published += 1;
      const fault = this.#faults.get(this.#published);
      const { topic, attributes } = message;
      const kept = {
        ...{ topic, messageId: `m${this.#published}`, publishTime: this.#options.now().toISOString() },
        ...{ text: messageText(message), attributes: { ...attributes } },
      };
      if (fault !== undefined) this.#options.trace(`message ${this.#published} to ${topic}: ${fault.kind}`);
      if (fault?.kind === "lost") continue;
      void this.#deliver(kept, fault?.kind === "late" ? fault.seconds : 0);
      if (fault?.kind === "doubled") void this.#deliver(kept, fault.seconds);
    }
  }

  async #deliver(kept: Kept, delaySeconds: number): Promise<void> {
    const { sleep, deliver } = this.#options;
    this.outstanding += 1;
    if (delaySeconds > 0) await sleep(delaySeconds * 1000);
    for (let attempt = 1; attempt <= maximumDeliveries; attempt++) {
      const { text, ...rest } = kept;
      const handled = deliver({ ...rest, payload: JSON.parse(text), deliveryAttempt: attempt });
      const isTaken = await Promise.race([handled, sleep(ackDeadlineMilliseconds).then(() => false)]);
      if (isTaken) {
        this.outstanding -= 1;
        return;
      }
      await sleep(Math.min(600, 10 * 2 ** (attempt - 1)) * 1000);
    }
    this.outstanding -= 1;
    if (kept.topic === deadLetterTopic) return;
    const letter = deadLetterAttributes(kept.topic, kept.publishTime, maximumDeliveries);
    void this.#deliver({ ...kept, topic: deadLetterTopic, attributes: { ...kept.attributes, ...letter } }, 0);
  }
}
