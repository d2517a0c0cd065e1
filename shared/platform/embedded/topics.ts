import type { Configuration } from "#shared/runtime/config.ts";
import { systemClock } from "../clock.ts";
import { inProcessTopics } from "../topics/in-process-topics.ts";
import type { SubscribableTopics } from "../topics/topics.ts";

/** The bus inside this process. */
export async function open(_config: Configuration, clock = systemClock): Promise<SubscribableTopics> {
  return inProcessTopics({ clock });
}
