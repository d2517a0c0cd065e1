import type { Clock } from "#shared/platform/clock.ts";
import type { SubscribableTopics } from "#shared/platform/topics/topics.ts";
import type { Catalogue } from "#shared/runtime/catalogue.ts";
import type { Configuration } from "#shared/runtime/config.ts";
import { openapiOf, routesOf } from "#shared/runtime/openapi.ts";
import { lazyPort, type PortLoaders, type Ports, portNames } from "#shared/runtime/ports.ts";
import { platformVersion } from "#shared/runtime/version.ts";
import type { Functions } from "./functions.ts";

/** The ports that all functions of one host share. */
export type HostPorts = Omit<Ports, "topics"> & { topics: SubscribableTopics };

/** The given ports, and for each that is not given the embedded adapter, imported and built at its first use. */
export async function openPorts(
  given: Partial<HostPorts>,
  from: { config: Configuration; clock: Clock; functions: Functions },
): Promise<HostPorts> {
  const { config, clock, functions } = from;
  // The bus is subscribed to at once, so it is no lazy port.
  const { open } = await import("#shared/platform/embedded/topics.ts");
  return {
    documents: lazyPort<"documents">(() =>
      import("#shared/platform/embedded/documents.ts").then((it) => it.open(config, clock)),
    ),
    warehouse: lazyPort<"warehouse">(() =>
      import("#shared/platform/embedded/warehouse.ts").then((it) => it.open(config)),
    ),
    objects: lazyPort<"objects">(() => import("#shared/platform/embedded/objects.ts").then((it) => it.open(config))),
    keys: lazyPort<"keys">(() => import("#shared/platform/embedded/keys.ts").then((it) => it.open(config))),
    mail: lazyPort<"mail">(() => import("#shared/platform/embedded/mail.ts").then((it) => it.open(config, clock))),
    catalogue: catalogueOf(functions),
    topics: given.topics ?? (await open(config, clock)),
    ...given,
  };
}

/** Loaders that hand every function the same ports. */
export function sharedLoaders(ports: HostPorts): PortLoaders {
  return Object.fromEntries(portNames.map((name) => [name, async () => ports[name]])) as PortLoaders;
}

/** What the platform publishes about itself, from the loaded declarations. */
function catalogueOf(functions: Functions): Catalogue {
  const routes = routesOf(functions);
  return { openapi: async () => openapiOf(functions, platformVersion), routes: async () => routes };
}
