import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { deadLetterSource, deadLetterTopic } from "./dead-letter.ts";
import type { Delivery, Message, SubscriptionPolicy, Topics } from "./topics.ts";

/** A platform under test: its publisher, and a way to have deliveries handed to a function. */
export interface TopicsUnderTest {
  topics: Topics;
  /** Resolves when later messages to the topic will be delivered. A rejection of `deliver` asks for redelivery. */
  subscribe(topic: string, policy: SubscriptionPolicy, deliver: (delivery: Delivery) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

const policy: SubscriptionPolicy = {
  ackDeadlineSeconds: 10,
  minimumBackoffSeconds: 0,
  maximumBackoffSeconds: 1,
  maximumDeliveries: 5,
};
const patience = { timeout: 25_000, interval: 20 };

/** What every adapter of the port must do. */
export function topicsContract(open: () => Promise<TopicsUnderTest>): void {
  describe("topics contract", () => {
    let under: TopicsUnderTest;
    beforeAll(async () => {
      under = await open();
    });
    afterAll(async () => {
      await under.close();
    });

    const send = (topic: string, payload: unknown, attributes: Record<string, string> = {}): Promise<void> =>
      under.topics.publish([{ topic, payload, attributes }]);

    it("delivers payload and attributes intact, whatever the script", async () => {
      const received: Delivery[] = [];
      await under.subscribe("contract-intact", policy, async (delivery) => {
        received.push(delivery);
      });
      const payload = {
        text: 'Zürich 東京 🧮 \u0000 " \\ \u2028',
        list: [1, -2.5, null, true, { deep: "ja" }],
        "": "empty name",
      };
      const attributes = {
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        org: "örg_1",
        empty: "",
      };

      await send("contract-intact", payload, attributes);

      await vi.waitFor(() => expect(received.length).toBeGreaterThan(0), patience);
      expect(received[0]).toMatchObject({ topic: "contract-intact", payload, attributes });
      expect(received[0]?.messageId).not.toBe("");
      expect(Math.abs(Date.parse(received[0]?.publishTime ?? "") - Date.now())).toBeLessThan(60_000);
    });

    it("delivers each of a hundred messages published together", async () => {
      const numbers = Array.from({ length: 100 }, (_, number) => number);
      const received = new Set<unknown>();
      await under.subscribe("contract-hundred", policy, async ({ payload }) => {
        received.add(payload);
      });

      await under.topics.publish(
        numbers.map((payload): Message => ({ topic: "contract-hundred", payload, attributes: {} })),
      );

      await vi.waitFor(() => expect(received.size).toBe(100), patience);
      expect([...received].sort((a, b) => Number(a) - Number(b))).toEqual(numbers);
    });

    it("delivers to several topics from one publish", async () => {
      const received: string[] = [];
      for (const topic of ["contract-left", "contract-right"]) {
        await under.subscribe(topic, policy, async (delivery) => {
          received.push(`${delivery.topic}:${String(delivery.payload)}`);
        });
      }

      await under.topics.publish([
        { topic: "contract-left", payload: "l", attributes: {} },
        { topic: "contract-right", payload: "r", attributes: {} },
      ]);

      await vi.waitFor(
        () => expect(new Set(received)).toEqual(new Set(["contract-left:l", "contract-right:r"])),
        patience,
      );
    });

    it("delivers a message again after its handler failed, under the same id", async () => {
      const ids: string[] = [];
      await under.subscribe("contract-again", policy, async ({ messageId }) => {
        ids.push(messageId);
        if (ids.length < 3) throw new Error("not yet");
      });

      await send("contract-again", { run: "run_1" });

      await vi.waitFor(() => expect(ids.length).toBeGreaterThanOrEqual(3), patience);
      expect(new Set(ids).size).toBe(1);
    });

    it("moves a message to the dead-letter topic after the last delivery, with its payload, attributes and source", async () => {
      let deliveries = 0;
      const letters: Delivery[] = [];
      await under.subscribe(deadLetterTopic, policy, async (letter) => {
        letters.push(letter);
      });
      await under.subscribe("contract-poison", policy, async () => {
        deliveries++;
        throw new Error("never");
      });

      await send("contract-poison", { run: "run_2", note: "ü" }, { org: "org_2" });

      await vi.waitFor(() => expect(letters.length).toBeGreaterThan(0), patience);
      expect(deliveries).toBeGreaterThanOrEqual(policy.maximumDeliveries);
      expect(letters[0]).toMatchObject({ topic: deadLetterTopic, payload: { run: "run_2", note: "ü" } });
      const source = { topic: "contract-poison", deliveries: policy.maximumDeliveries, attributes: { org: "org_2" } };
      expect(deadLetterSource(letters[0]?.attributes ?? {})).toEqual(source);
    });

    it("a failing message does not hold up the others", async () => {
      const received = new Set<unknown>();
      await under.subscribe("contract-mixed", policy, async ({ payload }) => {
        if (payload === "bad") throw new Error("never");
        received.add(payload);
      });

      await under.topics.publish(
        ["bad", "a", "b", "c"].map((payload): Message => ({ topic: "contract-mixed", payload, attributes: {} })),
      );

      await vi.waitFor(() => expect(received).toEqual(new Set(["a", "b", "c"])), patience);
    });

    it.each([
      ["a payload that is no JSON value", { payload: undefined, attributes: {} }, "MESSAGE_MALFORMED"],
      ["a payload that JSON cannot say", { payload: { tokens: 1n }, attributes: {} }, "MESSAGE_MALFORMED"],
      ["an attribute without a name", { payload: 1, attributes: { "": "x" } }, "MESSAGE_MALFORMED"],
      ["a reserved attribute", { payload: 1, attributes: { google: "x" } }, "MESSAGE_MALFORMED"],
      ["an attribute above 1,024 bytes", { payload: 1, attributes: { org: "é".repeat(513) } }, "MESSAGE_MALFORMED"],
      ["more than 100 attributes", { payload: 1, attributes: manyAttributes(101) }, "MESSAGE_MALFORMED"],
      ["a payload above 256 KiB", { payload: "é".repeat(128 * 1024), attributes: {} }, "MESSAGE_TOO_LARGE"],
    ])("refuses %s, and sends nothing of that publish", async (_, bad, code) => {
      const topic = `contract-refused-${Math.random().toString(36).slice(2)}`;
      const received: unknown[] = [];
      await under.subscribe(topic, policy, async ({ payload }) => {
        received.push(payload);
      });

      const publish = under.topics.publish([
        { topic, payload: "good", attributes: {} },
        { topic, ...bad },
      ]);

      await expect(publish).rejects.toMatchObject({ name: "AppError", code, retryable: false });
      await send(topic, "later");
      await vi.waitFor(() => expect(received).toContain("later"), patience);
      expect(received).not.toContain("good");
    });
  });
}

function manyAttributes(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, number) => [`a${number}`, "x"]));
}
