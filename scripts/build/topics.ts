import type { Functions } from "#scripts/start/functions.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { deadLetterTopic } from "#shared/platform/topics/dead-letter.ts";
import { topicOf } from "#shared/runtime/declaration.ts";

/** Topics without a function (`configs/system/awaited-topics.yml`), sorted; nobody reads them, and publishing must not fail. */
export async function awaitedTopics(): Promise<string[]> {
  const { topics } = (await configFile("system/awaited-topics.yml")) as { topics: Record<string, string> | null };
  return Object.keys(topics ?? {}).sort();
}

/** The topics that functions read: their own and the ticks of the scheduled ones; sorted. */
export function consumedTopics(functions: Functions): string[] {
  return Object.entries(functions)
    .flatMap(([name, fn]) => topicOf(name, fn) ?? [])
    .sort();
}

/** Every topic that has to exist before the first message, sorted. */
export function everyTopic(functions: Functions, awaited: readonly string[]): string[] {
  return [...new Set([...consumedTopics(functions), ...awaited, deadLetterTopic])].sort();
}
