import { randomBytes } from "node:crypto";
import { awaitedTopics } from "#scripts/build/topics.ts";
import type { HostPorts } from "#scripts/start/host-ports.ts";
import { startKmsDouble } from "#shared/platform/keys/kms-double.ts";
import { startLoopbackServer } from "#shared/platform/loopback/loopback-server.ts";
import { startCloudStorageDouble } from "#shared/platform/objects/cloud-storage-double.ts";
import { provisionSubscription, provisionTopics } from "#shared/platform/topics/pubsub-provision.ts";
import { pubsubTopics } from "#shared/platform/topics/pubsub-topics.ts";
import { readPush } from "#shared/platform/topics/push-message.ts";
import type { Delivery, SubscribableTopics, SubscriptionPolicy } from "#shared/platform/topics/topics.ts";
import { startBigQueryDouble } from "#shared/platform/warehouse/bigquery-double/bigquery-double.ts";
import { type Configuration, readConfiguration } from "#shared/runtime/config.ts";
import { lazyPort } from "#shared/runtime/ports.ts";

/** The cloud platform on this machine: Google's Firestore and Pub/Sub emulators, loopback doubles for the rest. */
export interface CloudDoubles {
  config: Configuration;
  ports: Partial<HostPorts>;
  stop(): Promise<void>;
}

export interface CloudDoublesOptions {
  firestore: string;
  pubsub: string;
  rootKey: string;
  simulatorUrl: string;
  /** Further settings. */
  settings?: Record<string, string>;
}

/** Starts the doubles and the gcp adapters on them, built by the same factories that the bundles use. */
export async function startCloudDoubles(options: CloudDoublesOptions): Promise<CloudDoubles> {
  process.env["FIRESTORE_EMULATOR_HOST"] = options.firestore;
  process.env["PUBSUB_EMULATOR_HOST"] = options.pubsub;
  process.env["METADATA_SERVER_DETECTION"] = "none";
  const [bigquery, kms, storage] = await Promise.all([
    startBigQueryDouble(),
    startKmsDouble(),
    startCloudStorageDouble(),
  ]);
  const config = await readConfiguration({
    ENVIRONMENT: "test",
    PLATFORM: "gcp",
    PORT: "0",
    GCP_PROJECT_ID: `p-${randomBytes(6).toString("hex")}`,
    GCP_OBJECTS_BUCKET: "objects",
    KMS_KEY_NAME: kms.keyName,
    BIGQUERY_ENDPOINT: bigquery.url,
    KMS_ENDPOINT: kms.url,
    STORAGE_ENDPOINT: storage.url,
    CA_ROOT_API_KEY: options.rootKey,
    CA_PROVIDER_SIMULATOR_URL: options.simulatorUrl,
    ...options.settings,
  });
  const documents = lazyPort<"documents">(() =>
    import("#shared/platform/gcp/documents.ts").then((it) => it.open(config)),
  );
  const topics = pushedTopics(config.GCP_PROJECT_ID ?? "");
  return {
    config,
    ports: {
      documents,
      topics,
      warehouse: lazyPort<"warehouse">(() => import("#shared/platform/gcp/warehouse.ts").then((it) => it.open(config))),
      objects: lazyPort<"objects">(() => import("#shared/platform/gcp/objects.ts").then((it) => it.open(config))),
      keys: lazyPort<"keys">(() => import("#shared/platform/gcp/keys.ts").then((it) => it.open(config))),
    },
    stop: async () => {
      await topics.close();
      await documents.close();
      await Promise.all([bigquery.stop(), kms.close(), storage.close()]);
    },
  };
}

/** Pub/Sub whose push subscriptions end at this process: each push is a real HTTP request from the emulator. */
function pushedTopics(projectId: string): SubscribableTopics {
  const topics = pubsubTopics({ projectId });
  const deliverers = new Map<string, (delivery: Delivery) => Promise<void>>();
  let atWork = 0;
  const endpoint = startLoopbackServer(async ({ path, headers, body }) => {
    const topic = path.slice(1);
    atWork += 1;
    try {
      await deliverers.get(topic)?.(readPush(JSON.parse(body.toString("utf8")), headers, topic));
      return { status: 204 };
    } catch {
      return { status: 503 };
    } finally {
      atWork -= 1;
    }
  });
  const provisioned: Promise<void>[] = [awaitedTopics().then((awaited) => provisionTopics(awaited, { projectId }))];
  const provision = async (topic: string, policy: SubscriptionPolicy): Promise<void> => {
    const { url } = await endpoint;
    const pushEndpoint = `${url}/${topic}`;
    await provisionSubscription({
      projectId,
      topic,
      subscription: topic,
      pushEndpoint,
      policy,
      deadLetterTopic: "dead-letter",
      retentionDays: 7,
    });
  };
  return {
    publish: async (messages) => {
      await Promise.all(provisioned);
      await topics.publish(messages);
    },
    subscribe: (topic, policy, deliver) => {
      deliverers.set(topic, deliver);
      provisioned.push(provision(topic, policy));
    },
    idle: async () => {
      while (atWork > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    close: async () => {
      await Promise.allSettled(provisioned);
      await topics.close();
      await (await endpoint).close();
    },
  };
}
