import type { Configuration } from "#shared/runtime/config.ts";
import { pubsubTopics } from "../topics/pubsub-topics.ts";
import type { Topics } from "../topics/topics.ts";
import { needed } from "./needed-setting.ts";

/** Cloud Pub/Sub; `PUBSUB_EMULATOR_HOST` leads to an emulator. */
export async function open(config: Configuration): Promise<Topics> {
  return pubsubTopics({ projectId: needed(config, "GCP_PROJECT_ID", "the project that holds the topics") });
}
