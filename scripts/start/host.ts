import type { Server } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { http } from "@google-cloud/functions-framework";
import { getTestServer } from "@google-cloud/functions-framework/testing";
import { type Clock, systemClock } from "#shared/platform/clock.ts";
import { systemIds } from "#shared/platform/ids.ts";
import type { Configuration } from "#shared/runtime/config.ts";
import { jsonLog, type Log } from "#shared/runtime/log.ts";
import { prometheusMetrics } from "#shared/runtime/metrics.ts";
import { sweepOutbox } from "#shared/runtime/outbox.ts";
import type { Given, PortName, Surroundings } from "#shared/runtime/ports.ts";
import { localRouter } from "#shared/runtime/router.ts";
import { givenOf, handlerOf } from "#shared/runtime/serve.ts";
import { type FrontDoor, openFrontDoor } from "./front-door.ts";
import { type Functions, loadFunctions } from "./functions.ts";
import { type HostPorts, openPorts, sharedLoaders } from "./host-ports.ts";
import { type InFlight, inFlight } from "./in-flight.ts";
import { startTicks, subscribeFunctions, type WakeUps } from "./wake-ups.ts";

export interface HostOptions {
  config: Configuration;
  /** Default: every file below `functions/`. */
  functions?: Functions;
  /** In place of the embedded adapters; the host does not close what it was given. */
  ports?: Partial<HostPorts>;
  clock?: Clock;
  log?: Log;
  /** False: no scheduled function starts by itself. */
  ticks?: boolean;
  /** Done in this order before the port opens. */
  onStart?: readonly ((given: Given<PortName>) => Promise<void>)[];
}

export interface Host {
  url: string;
  ports: HostPorts;
  /** Resolves when no request and no message is at work or waiting, not even for its backoff. */
  idle(): Promise<void>;
  /** Takes nothing new, lets work in progress end (at most 10 s), closes what the host opened. A second call waits too. */
  stop(): Promise<void>;
}

const drainMilliseconds = 10_000;
/** Later than any planned attempt of the outbox, so that a start publishes everything that is pending. */
const beyondEveryBackoffMilliseconds = 86_400_000;
/** The scheduled function that heals what the end of an earlier process left (`pipelines.md` 7 and 11). */
const sweeper = "sweep-tick";

/**
 * The embedded platform in this process: every function behind its own functions-framework server, one HTTP port in
 * front, the bus and the clock. Opens the port when everything an earlier process left is on its way again.
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const { config, clock = systemClock, log = jsonLog(config.LOG_LEVEL) } = options;
  const functions = options.functions ?? (await loadFunctions());
  const ports = await openPorts(options.ports ?? {}, { config, clock, functions });
  const surroundings = { clock, ids: systemIds, log, metrics: await prometheusMetrics(), config };
  const work = inFlight();
  const by: WakeUps = {
    functions,
    serverOf: serversOf(functions, ports, surroundings),
    topics: ports.topics,
    work,
    log,
  };
  const closing: Closing = { work, ports, given: options.ports ?? {} };
  try {
    subscribeFunctions(by);
    await heal(functions, { ...ports, ...surroundings }, options.onStart ?? []);
    const router = localRouter(await ports.catalogue.routes(), by.serverOf, surroundings);
    closing.door = await openFrontDoor(config, work, router);
    if (options.ticks ?? true) closing.stopTicks = startTicks(by);
    let stopped: Promise<void> | undefined;
    return {
      url: closing.door.url,
      ports,
      idle: async () => {
        await work.none();
        await ports.topics.idle();
        await work.none();
      },
      stop: () => {
        stopped ??= close(closing);
        return stopped;
      },
    };
  } catch (error) {
    await close(closing).catch(() => {});
    throw error;
  }
}

/** The framework server of each function, made at its first use. Its registry is global: the name is read back at once. */
function serversOf(functions: Functions, ports: HostPorts, surroundings: Surroundings): (name: string) => Server {
  const loaders = sharedLoaders(ports);
  const servers = new Map<string, Server>();
  return (name) => {
    const known = servers.get(name);
    if (known !== undefined) return known;
    const fn = functions[name];
    if (fn === undefined) throw new Error(`there is no function ${name}`);
    http(name, handlerOf(name, fn, givenOf(fn, loaders, surroundings)));
    const server = getTestServer(name);
    servers.set(name, server);
    return server;
  };
}

async function heal(
  functions: Functions,
  given: Given<PortName>,
  onStart: NonNullable<HostOptions["onStart"]>,
): Promise<void> {
  for (const step of onStart) await step(given);
  const now = given.clock.now();
  await sweepOutbox(new Date(now.getTime() + beyondEveryBackoffMilliseconds), given);
  const fn = functions[sweeper];
  if (fn?.kind === "scheduled") await fn.declaration.handle({ at: now }, given);
}

interface Closing {
  work: InFlight;
  ports: HostPorts;
  given: Partial<HostPorts>;
  door?: FrontDoor;
  stopTicks?: () => void;
}

async function close({ work, ports, given, door, stopTicks }: Closing): Promise<void> {
  stopTicks?.();
  door?.close();
  const deadline = pause(drainMilliseconds, undefined, { ref: false });
  await Promise.race([work.none(), deadline]);
  door?.cut();
  if (given.topics === undefined) await Promise.race([ports.topics.close(), deadline]);
  if (given.documents === undefined) await ports.documents.close();
}
