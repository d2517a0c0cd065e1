import { configFile } from "#shared/platform/config-files.ts";
import { providerRegistry, type Registry } from "./registry.ts";

let loaded: Promise<Registry> | undefined;

/** The provider registry `configs/system/providers.yml`, read and checked once. */
export function providers(): Promise<Registry> {
  loaded ??= configFile("system/providers.yml").then(providerRegistry);
  return loaded;
}
