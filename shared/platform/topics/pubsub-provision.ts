import type { CreateSubscriptionOptions, PubSub } from "@google-cloud/pubsub";
import { openClient } from "./pubsub-topics.ts";
import type { SubscriptionPolicy } from "./topics.ts";

export interface ProvisionOptions {
  projectId: string;
  apiEndpoint?: string;
  topic: string;
  /** Named after its topic where the receiver reads the topic from it (`readPush`). */
  subscription: string;
  pushEndpoint: string;
  /** Who signs the pushes. Without it they carry no token, which only a local endpoint may accept. */
  pushIdentity?: { serviceAccountEmail: string; audience: string };
  policy: SubscriptionPolicy;
  /** The subscription of this topic itself keeps its messages and passes nothing on. */
  deadLetterTopic: string;
  /** Default 7, for dead letters 31, the longest that Pub/Sub allows; Google's emulator allows 7. */
  retentionDays?: number;
}

const usualRetentionDays = 7;
const deadLetterRetentionDays = 31;
const alreadyExists = 6;

/**
 * Makes topic, dead-letter topic and push subscription, or brings an existing subscription to the given state; safe to
 * run twice. The Pub/Sub service agent needs publisher on the dead-letter topic and subscriber on the subscription:
 * https://cloud.google.com/pubsub/docs/handling-failures#grant_forwarding_permissions
 */
export async function provisionSubscription(options: ProvisionOptions): Promise<void> {
  const client = await openClient(options);
  try {
    await createTopic(client, options.deadLetterTopic);
    await createTopic(client, options.topic);
    await createOrUpdate(client, options);
  } finally {
    await client.close();
  }
}

/** Makes topics that have no subscription (yet), so that publishing to them does not fail; safe to run twice. */
export async function provisionTopics(
  topics: readonly string[],
  options: Pick<ProvisionOptions, "projectId" | "apiEndpoint">,
): Promise<void> {
  const client = await openClient(options);
  try {
    await Promise.all(topics.map((topic) => createTopic(client, topic)));
  } finally {
    await client.close();
  }
}

async function createTopic(client: PubSub, name: string): Promise<void> {
  await unlessPresent(client.createTopic(name));
}

async function createOrUpdate(client: PubSub, options: ProvisionOptions): Promise<void> {
  const settings = subscriptionSettings(client, options);
  const isNew = await unlessPresent(client.createSubscription(options.topic, options.subscription, settings));
  if (isNew) return;
  const subscription = client.subscription(options.subscription);
  const [present] = await subscription.getMetadata();
  const { expirationPolicy, ...changeable } = settings;
  // The emulator refuses an update that names the expiry, also when it stays as it is.
  const isEverlasting = (present.expirationPolicy?.ttl ?? null) === null;
  await subscription.setMetadata(
    isEverlasting ? changeable : { ...changeable, expirationPolicy: expirationPolicy ?? {} },
  );
}

async function unlessPresent(creation: Promise<unknown>): Promise<boolean> {
  try {
    await creation;
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === alreadyExists) return false;
    throw error;
  }
}

function subscriptionSettings(client: PubSub, options: ProvisionOptions): CreateSubscriptionOptions {
  const { policy, topic, deadLetterTopic, pushIdentity, pushEndpoint } = options;
  const isLast = topic === deadLetterTopic;
  const retentionDays = options.retentionDays ?? (isLast ? deadLetterRetentionDays : usualRetentionDays);
  return {
    pushConfig: { pushEndpoint, ...(pushIdentity === undefined ? {} : { oidcToken: pushIdentity }) },
    ackDeadlineSeconds: policy.ackDeadlineSeconds,
    messageRetentionDuration: { seconds: retentionDays * 86_400 },
    // Empty means never; absent would delete the subscription after 31 idle days.
    expirationPolicy: {},
    retryPolicy: {
      minimumBackoff: { seconds: policy.minimumBackoffSeconds },
      maximumBackoff: { seconds: policy.maximumBackoffSeconds },
    },
    ...(isLast ? {} : { deadLetterPolicy: letters(client, deadLetterTopic, policy) }),
  };
}

function letters(client: PubSub, topic: string, policy: SubscriptionPolicy) {
  return { deadLetterTopic: client.topic(topic).name, maxDeliveryAttempts: policy.maximumDeliveries };
}
