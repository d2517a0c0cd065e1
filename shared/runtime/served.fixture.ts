import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { SubscriptionDocument } from "#shared/plans/subscription.ts";
import type { Clock } from "#shared/platform/clock.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { sqliteDocuments } from "#shared/platform/documents/sqlite-documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import type { Message, Topics } from "#shared/platform/topics/topics.ts";
import { type Configuration, readConfiguration } from "./config.ts";
import type { AnyFunction } from "./declaration.ts";
import type { Log } from "./log.ts";
import { noMetrics } from "./metrics.ts";
import { openapiOf, routesOf } from "./openapi.ts";
import type { Given, PortName } from "./ports.ts";
import { localRouter } from "./router.ts";
import { handlerOf } from "./serve.ts";

export const rootKey = "root-key-of-the-runtime-tests-0123456789";

/** A clock that only tests move. */
export interface MovableClock extends Clock {
  advance(milliseconds: number): void;
}

export function movableClock(start = "2026-08-10T12:00:00.000Z"): MovableClock {
  let now = Date.parse(start);
  return {
    now: () => new Date(now),
    advance: (milliseconds) => {
      now += milliseconds;
    },
  };
}

/** A bus that keeps what was published and fails on request. */
export interface RecordedTopics extends Topics {
  published: Message[];
  isDown: boolean;
}

export function recordedTopics(): RecordedTopics {
  const topics: RecordedTopics = {
    published: [],
    isDown: false,
    publish: async (messages) => {
      if (topics.isDown) throw new Error("the bus is down");
      topics.published.push(...messages);
    },
    close: async () => {},
  };
  return topics;
}

/** An empty store in memory that knows the product's queries; it runs every transaction body twice. */
export function memoryDocuments(clock: Clock): Documents {
  const declared = async () => declareQueries(await configFile("documents/indexes.yml"));
  return sqliteDocuments({ file: ":memory:", clock, declared, runBodiesTwice: true });
}

/** The record of a subscription that runs, on the plan SCALE, with what a test changes of it. */
export function runningSubscription(change: Partial<SubscriptionDocument> = {}): SubscriptionDocument {
  return {
    subscriptionId: "sub_1",
    plan: "SCALE",
    status: "ACTIVE",
    hold: false,
    overrides: {},
    trialEndsAt: null,
    graceEndsAt: null,
    endDate: null,
    ...change,
  };
}

export interface Served {
  url: string;
  clock: MovableClock;
  documents: Documents;
  topics: RecordedTopics;
  lines: { level: string; message: string; [field: string]: unknown }[];
  given: Given<PortName>;
  stop(): Promise<void>;
}

/**
 * Serves declarations behind the local router, on a store in memory. `settings` are environment variables; ENVIRONMENT
 * is changed only after they were checked, because production wants a platform around it that tests do not have.
 */
export async function serveFunctions(
  functions: Readonly<Record<string, AnyFunction>>,
  settings: Record<string, string> = {},
  wrap: (documents: Documents) => Documents = (documents) => documents,
): Promise<Served> {
  const clock = movableClock();
  const documents = wrap(memoryDocuments(clock));
  const topics = recordedTopics();
  const lines: Served["lines"] = [];
  const { ENVIRONMENT = "test", ...others } = settings;
  const read = await readConfiguration({ ENVIRONMENT: "test", CA_ROOT_API_KEY: rootKey, ...others });
  const config: Configuration = { ...read, ENVIRONMENT: ENVIRONMENT as Configuration["ENVIRONMENT"] };
  const routes = routesOf(functions);
  const catalogue = { openapi: async () => openapiOf(functions, "1"), routes: async () => routes };
  const surroundings = { clock, ids: systemIds, log: logInto(lines), metrics: noMetrics, config };
  // What a test's functions do not use is not there.
  const given = { ...surroundings, documents, topics, catalogue } as unknown as Given<PortName>;
  const servers = new Map<string, Server>(
    Object.entries(functions).map(([name, fn]) => [name, createServer(handlerOf(name, fn, given))]),
  );
  const router = localRouter(
    routes,
    (name) => {
      const server = servers.get(name);
      if (server === undefined) throw new Error(`there is no function ${name}`);
      return server;
    },
    surroundings,
  );
  const server = createServer(router).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    server.close();
    server.closeAllConnections();
    await documents.close();
  };
  return { url: `http://127.0.0.1:${port}`, clock, documents, topics, lines, given, stop };
}

function logInto(lines: Served["lines"]): Log {
  const record =
    (level: string) =>
    (fields: Record<string, unknown>, message: string): void => {
      lines.push({ ...fields, level, message });
    };
  return { info: record("info"), warn: record("warn"), error: record("error"), debug: record("debug") };
}
