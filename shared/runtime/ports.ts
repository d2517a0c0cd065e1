import type { Clock } from "#shared/platform/clock.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Ids } from "#shared/platform/ids.ts";
import type { Keys } from "#shared/platform/keys/keys.ts";
import type { Mail } from "#shared/platform/mail/mail.ts";
import type { Objects } from "#shared/platform/objects/objects.ts";
import type { Topics } from "#shared/platform/topics/topics.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Configuration } from "./config.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

/** What a function may name in `uses`. */
export interface Ports {
  documents: Documents;
  warehouse: Warehouse;
  topics: Topics;
  objects: Objects;
  keys: Keys;
  mail: Mail;
  catalogue: Catalogue;
}

export type PortName = keyof Ports;

export const portNames = [
  "documents",
  "warehouse",
  "topics",
  "objects",
  "keys",
  "mail",
  "catalogue",
] as const satisfies readonly PortName[];

/** What every function is given without asking. */
export interface Surroundings {
  clock: Clock;
  ids: Ids;
  log: Log;
  metrics: Metrics;
  config: Configuration;
}

/** The ports a function named, and its surroundings. */
export type Given<Uses extends PortName> = Pick<Ports, Uses> & Surroundings;

/** Makes the adapter of one port; called at most once per process, at the first use of the port. */
export type PortLoader<Name extends PortName> = () => Promise<Ports[Name]>;

export type PortLoaders = { [Name in PortName]?: PortLoader<Name> };

/**
 * A port whose adapter is imported and built at the first call of one of its verbs, so that a request which needs none
 * of them pays for none. A failed build is forgotten: the next call tries again. All verbs of a port are asynchronous.
 */
export function lazyPort<Name extends PortName>(load: PortLoader<Name>): Ports[Name] {
  type Verbs = Record<string | symbol, (...given: unknown[]) => Promise<unknown>>;
  let building: Promise<void> | undefined;
  let built: Verbs | undefined;
  const build = async (): Promise<void> => {
    try {
      built = (await load()) as unknown as Verbs;
    } catch (error) {
      building = undefined;
      throw error;
    }
  };
  const verbs = new Map<string | symbol, unknown>();
  const handler: ProxyHandler<object> = {
    get(_target, verb) {
      // A promise-like port would be unwrapped by `await`.
      if (verb === "then") return undefined;
      if (!verbs.has(verb)) {
        // Once built it is called at once: under the framework every further promise costs microseconds.
        verbs.set(verb, (...args: unknown[]) => {
          if (built !== undefined) return built[verb]?.(...args);
          building ??= build();
          return building.then(() => built?.[verb]?.(...args));
        });
      }
      return verbs.get(verb);
    },
  };
  return new Proxy({}, handler) as Ports[Name];
}
