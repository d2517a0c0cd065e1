import { configFile } from "#shared/platform/config-files.ts";

let loaded: Promise<ReadonlySet<string>> | undefined;

/** Words that no organization may take, lower case; `configs/organizations/reserved-slugs.txt`, read once. */
export function reservedSlugs(): Promise<ReadonlySet<string>> {
  loaded ??= configFile("organizations/reserved-slugs.txt").then((words) => new Set(words as string[]));
  return loaded;
}
