import { http } from "@google-cloud/functions-framework";
import { systemClock } from "#shared/platform/clock.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { type Configuration, ConfigurationError, Environment, readConfiguration } from "./config.ts";
import { type AnyFunction, portsOf, requestSchemas } from "./declaration.ts";
import { httpHandler, type NodeHandler } from "./http-handler.ts";
import { jsonLog } from "./log.ts";
import { measuredPorts } from "./measured-ports.ts";
import { noMetrics } from "./metrics.ts";
import { type Given, lazyPort, type PortLoader, type PortLoaders, type PortName, type Surroundings } from "./ports.ts";
import { keepBodiesRaw } from "./raw-body.ts";
import { topicHandler } from "./topic-handler.ts";
import { useBuilt, type ValidatorSource } from "./validators.ts";

/** Makes the loaders of one platform's adapters from the configuration; given by a generated entry. */
export type PortFactories = { [Name in PortName]?: (config: Configuration) => ReturnType<PortLoader<Name>> };

/** What a generated entry brings along for its function. */
export interface Bundled {
  factories: PortFactories;
  /** Validators compiled with the bundle: of the settings, and of the request's parts by their names. */
  validators?: { settings: ValidatorSource; request: Readonly<Record<string, ValidatorSource>> };
}

/** Registers one function with functions-framework under its name, for the entry that `scripts/build` generates. */
export function serve(name: string, fn: AnyFunction, { factories, validators }: Bundled): void {
  keepBodiesRaw();
  if (validators !== undefined) useBundled(fn, validators);
  const handler = readConfiguration(process.env).then((config) =>
    handlerOf(name, fn, givenOf(fn, loaders(factories, config), ownSurroundings(config))),
  );
  http(name, async (request, response) => (await handler)(request, response));
  // An unsafe configuration must stop the process at the start, not at the first request.
  handler.catch((error: unknown) => {
    if (!(error instanceof ConfigurationError)) throw error;
    console.error(error.message);
    process.exit(1);
  });
}

function useBundled(fn: AnyFunction, validators: NonNullable<Bundled["validators"]>): void {
  useBuilt(Environment, "settings", validators.settings);
  const schemas = requestSchemas(fn);
  for (const [part, source] of Object.entries(validators.request)) {
    const schema = schemas[part];
    if (schema !== undefined) useBuilt(schema, "request", source);
  }
}

/** The handler of any kind of function. */
export function handlerOf(name: string, fn: AnyFunction, given: Given<PortName>): NodeHandler {
  const measured = measuredPorts(name, given);
  return fn.kind === "http" ? httpHandler(name, fn, measured) : topicHandler(name, fn, measured);
}

/** The ports a function may use, each built at its first use, and what surrounds them. */
export function givenOf(fn: AnyFunction, available: PortLoaders, surroundings: Surroundings): Given<PortName> {
  const ports: Record<string, unknown> = {};
  for (const name of portsOf(fn)) {
    const load = available[name];
    if (load !== undefined) ports[name] = lazyPort(load as PortLoader<typeof name>);
  }
  return { ...ports, ...surroundings } as unknown as Given<PortName>;
}

function loaders(factories: PortFactories, config: Configuration): PortLoaders {
  return Object.fromEntries(Object.entries(factories).map(([name, make]) => [name, () => make(config)])) as PortLoaders;
}

function ownSurroundings(config: Configuration): Surroundings {
  return { clock: systemClock, ids: systemIds, log: jsonLog(config.LOG_LEVEL), metrics: noMetrics, config };
}
