import { configFile } from "#shared/platform/config-files.ts";
import type { Registry } from "./registry.ts";

let loaded: Promise<Registry> | undefined;

/** The provider registry `configs/system/providers.yml`, read and checked once. */
export function providers(): Promise<Registry> {
  loaded ??= load();
  return loaded;
}

/** The check holds a schema compiler, which a process that only refuses never needs. */
async function load(): Promise<Registry> {
  const [{ providerRegistry }, content] = await Promise.all([
    import("./registry.ts"),
    configFile("system/providers.yml"),
  ]);
  return providerRegistry(content);
}
