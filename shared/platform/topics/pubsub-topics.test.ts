import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { startLoopbackServer } from "../loopback/loopback-server.ts";
import { deadLetterTopic } from "./dead-letter.ts";
import { provisionSubscription, provisionTopics } from "./pubsub-provision.ts";
import { openClient, pubsubTopics } from "./pubsub-topics.ts";
import { readPush } from "./push-message.ts";
import { topicsContract } from "./topics.contract.ts";
import type { Delivery, SubscriptionPolicy } from "./topics.ts";

const emulator = inject("pubsubEmulator");
const projectId = "topics-contract";
const policy: SubscriptionPolicy = {
  ackDeadlineSeconds: 10,
  minimumBackoffSeconds: 1,
  maximumBackoffSeconds: 2,
  maximumDeliveries: 5,
};

describe.skipIf(!emulator)("Pub/Sub topics on the emulator", () => {
  const apiEndpoint = emulator ?? "";
  beforeAll(() => {
    vi.stubEnv("METADATA_SERVER_DETECTION", "none");
  });
  afterAll(() => {
    vi.unstubAllEnvs();
  });

  topicsContract(async () => {
    const topics = pubsubTopics({ projectId, apiEndpoint });
    const handlers = new Map<string, (delivery: Delivery) => Promise<void>>();
    const endpoint = await startLoopbackServer(async ({ body, headers }) => {
      const delivery = readPush(JSON.parse(body.toString("utf8")), headers);
      const isTaken = await handlers
        .get(delivery.topic)?.(delivery)
        .then(
          () => true,
          () => false,
        );
      return { status: isTaken === true ? 204 : 503 };
    });
    return {
      topics,
      async subscribe(topic, given, deliver) {
        handlers.set(topic, deliver);
        const pushEndpoint = `${endpoint.url}/push`;
        await provisionSubscription({
          projectId,
          apiEndpoint,
          topic,
          subscription: topic,
          pushEndpoint,
          policy: given,
          deadLetterTopic,
          retentionDays: 7,
        });
      },
      async close() {
        await topics.close();
        await endpoint.close();
      },
    };
  });

  it("honours PUBSUB_EMULATOR_HOST where no endpoint is given", async () => {
    vi.stubEnv("PUBSUB_EMULATOR_HOST", apiEndpoint);
    const client = await openClient({ projectId, apiEndpoint });
    await client.createTopic("by-environment");
    const [subscription] = await client.createSubscription("by-environment", "by-environment");
    const topics = pubsubTopics({ projectId });

    await topics.publish([{ topic: "by-environment", payload: "hello", attributes: {} }]);

    const received = await new Promise<string>((resolve) => {
      subscription.once("message", (message: { data: Buffer; ack(): void }) => {
        message.ack();
        resolve(message.data.toString());
      });
    });
    expect(received).toBe('"hello"');
    await topics.close();
    await client.close();
  });

  it("says that messages may be lost when the topic is missing", async () => {
    const topics = pubsubTopics({ projectId, apiEndpoint });

    const publish = topics.publish([{ topic: "nobody-made-this", payload: 1, attributes: {} }]);

    await expect(publish).rejects.toMatchObject({ name: "AppError", code: "TOPICS_UNAVAILABLE", retryable: true });
    await topics.close();
  });

  it("closes without ever having published", async () => {
    await expect(pubsubTopics({ projectId, apiEndpoint }).close()).resolves.toBeUndefined();
  });

  it("takes messages to a topic that nobody reads once it is made, and refuses them before", async () => {
    const topics = pubsubTopics({ projectId, apiEndpoint });
    const publish = () => topics.publish([{ topic: "awaited", payload: 1, attributes: {} }]);

    await expect(publish()).rejects.toMatchObject({ code: "TOPICS_UNAVAILABLE" });
    await provisionTopics(["awaited"], { projectId, apiEndpoint });
    await provisionTopics(["awaited"], { projectId, apiEndpoint });

    await expect(publish()).resolves.toBeUndefined();
    await topics.close();
  });

  it("provisions twice without an error and moves an existing subscription to the new settings", async () => {
    const common = { projectId, apiEndpoint, topic: "provisioned", subscription: "provisioned", deadLetterTopic };
    await provisionSubscription({ ...common, pushEndpoint: "http://127.0.0.1:9/old", policy });
    const changed = { ...policy, ackDeadlineSeconds: 600, maximumBackoffSeconds: 600, maximumDeliveries: 10 };

    await provisionSubscription({ ...common, pushEndpoint: "http://127.0.0.1:9/new", policy: changed });

    const settings = await settingsOf("provisioned");
    expect(settings).toMatchObject({
      pushConfig: { pushEndpoint: "http://127.0.0.1:9/new" },
      ackDeadlineSeconds: 600,
      messageRetentionDuration: { seconds: String(7 * 86_400) },
      retryPolicy: { minimumBackoff: { seconds: "1" }, maximumBackoff: { seconds: "600" } },
      deadLetterPolicy: { deadLetterTopic: `projects/${projectId}/topics/dead-letter`, maxDeliveryAttempts: 10 },
    });
    expect(settings.expirationPolicy?.ttl ?? null).toBeNull();
  });

  it("passes dead letters themselves on to nobody", async () => {
    const common = {
      projectId,
      apiEndpoint,
      topic: "letters",
      subscription: "letters",
      deadLetterTopic: "letters",
      policy,
    };

    await provisionSubscription({ ...common, pushEndpoint: "http://127.0.0.1:9/push", retentionDays: 7 });

    expect((await settingsOf("letters")).deadLetterPolicy ?? null).toBeNull();
  });

  it("asks for dead letters to be kept longer than the emulator's 7 days", async () => {
    const common = { projectId, apiEndpoint, topic: "kept", subscription: "kept", deadLetterTopic: "kept", policy };

    const provision = provisionSubscription({ ...common, pushEndpoint: "http://127.0.0.1:9/push" });

    await expect(provision).rejects.toThrow("message_retention_duration out of bounds");
  });

  async function settingsOf(subscription: string) {
    const client = await openClient({ projectId, apiEndpoint });
    const [settings] = await client.subscription(subscription).getMetadata();
    await client.close();
    return settings;
  }
});
