import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Metafile } from "esbuild";
import type { Functions } from "#scripts/start/functions.ts";
import type { Access } from "#shared/access/caller.ts";
import type { SubscriptionPolicy } from "#shared/platform/topics/topics.ts";
import { type AnyFunction, defaultSubscriptionPolicy, portsOf, topicOf } from "#shared/runtime/declaration.ts";
import { routesOf } from "#shared/runtime/openapi.ts";
import { platformVersion } from "#shared/runtime/version.ts";
import { reachedFrom } from "./reached.ts";
import { everyTopic } from "./topics.ts";

/** `dist/manifest.json`: everything that deploying needs to know about the functions. */
export interface Manifest {
  version: string;
  functions: ManifestEntry[];
  /** Every topic that has to exist: those that functions read, and those that nobody reads yet. */
  topics: string[];
}

export interface ManifestEntry {
  name: string;
  kind: AnyFunction["kind"];
  /** Relative to the manifest, as are `files`. */
  entry: string;
  files: string[];
  /** SHA-256 of everything below and of the files: equal hash, nothing to deploy. */
  hash: string;
  trigger: Trigger;
  /** The ports whose adapters the bundle holds; one service account per distinct set. */
  ports: string[];
  /** Absent where no person calls. */
  access?: Access;
  /** npm packages that are not in the files and have to be installed beside them, with the version of this build. */
  packages: Record<string, string>;
  memory: string;
  timeoutSeconds: number;
  concurrency: number;
  minInstances: number;
}

export type Trigger =
  | { kind: "http"; routes: { method: string; path: string }[] }
  | { kind: "topic"; topic: string; subscription: SubscriptionPolicy }
  | { kind: "schedule"; cron: string; topic: string; subscription: SubscriptionPolicy };

const defaults = { memory: "512MiB", timeoutSeconds: 60, concurrency: 40, minInstances: 0 };
/** Push waits for the answer as long as the acknowledgement deadline, so the function may take that long. */
const messageTimeoutSeconds = 540;

/** The manifest of a build; the same source gives the same text. */
export function manifestOf(
  functions: Functions,
  metafile: Metafile,
  at: { root: string; folder: string; awaitedTopics: readonly string[] },
): Manifest {
  return {
    version: platformVersion,
    functions: Object.entries(functions).map(([name, fn]) => entryOf(name, fn, { functions, metafile, at })),
    topics: everyTopic(functions, at.awaitedTopics),
  };
}

interface Built {
  functions: Functions;
  metafile: Metafile;
  at: { root: string; folder: string };
}

function entryOf(name: string, fn: AnyFunction, { functions, metafile, at }: Built): ManifestEntry {
  const { files, packages } = reachedFrom(`${name}.mjs`, metafile, at);
  const entry = {
    name,
    kind: fn.kind,
    entry: `${name}.mjs`,
    files,
    trigger: triggerOf(name, fn, functions),
    ports: portsOf(fn),
    ...(fn.kind === "http" ? { access: fn.declaration.access } : {}),
    packages: Object.fromEntries(packages.map((each) => [each, installedVersion(each, at.root)])),
    ...resourcesOf(fn),
  };
  return { ...entry, hash: hashOf(entry, files, at.folder) };
}

function triggerOf(name: string, fn: AnyFunction, functions: Functions): Trigger {
  const topic = topicOf(name, fn);
  if (fn.kind === "http") {
    const own = fn.declaration.anyMethod
      ? [{ method: "*", path: fn.declaration.path }]
      : routesOf({ [name]: functions[name] ?? fn }).map(({ method, path }) => ({ method, path }));
    return { kind: "http", routes: own };
  }
  if (topic === undefined) throw new Error(`${name} has no topic`);
  const subscription = { ...defaultSubscriptionPolicy, ...(fn.kind === "topic" ? fn.declaration.policy : {}) };
  if (fn.kind === "topic") return { kind: "topic", topic, subscription };
  return { kind: "schedule", cron: fn.declaration.cron, topic, subscription };
}

function resourcesOf(fn: AnyFunction) {
  const declared: { memory?: string; timeoutSeconds?: number; concurrency?: number; minInstances?: number } =
    fn.declaration;
  return {
    memory: declared.memory ?? defaults.memory,
    timeoutSeconds: declared.timeoutSeconds ?? (fn.kind === "http" ? defaults.timeoutSeconds : messageTimeoutSeconds),
    concurrency: declared.concurrency ?? defaults.concurrency,
    minInstances: declared.minInstances ?? defaults.minInstances,
  };
}

function installedVersion(name: string, root: string): string {
  const text = readFileSync(join(root, "node_modules", name, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

function hashOf(entry: object, files: readonly string[], folder: string): string {
  const hash = createHash("sha256").update(JSON.stringify(entry));
  for (const file of files) hash.update(`\n${file}\n`).update(readFileSync(join(folder, file)));
  return hash.digest("hex");
}
