import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, it, test } from "vitest";
import { freePort } from "#scripts/emulators/emulators.ts";
import { loadFunctions } from "#scripts/start/functions.ts";
import { portsOf } from "#shared/runtime/declaration.ts";
import { type Build, buildAll } from "./build.ts";
import { repositoryRoot } from "./bundle.ts";
import type { ManifestEntry } from "./manifest.ts";
import { reachedFrom } from "./reached.ts";

const require = createRequire(import.meta.url);
const framework = join(require.resolve("@google-cloud/functions-framework"), "../main.js");
const pubsub = inject("pubsubEmulator");
const firestore = inject("firestoreEmulator");
const functions = await loadFunctions();
const project = "bundle-test";

let root: string;
let built: Build;
let again: Build;
let answers: Map<string, Answer>;

interface Answer {
  status: number;
  type: string | null;
  text: string;
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "bundles-"));
  await symlink(join(repositoryRoot, "node_modules"), join(root, "node_modules"));
  built = await buildAll(join(root, "dist"));
  again = await buildAll(join(root, "again"));
  if (pubsub !== undefined)
    await fetch(`http://${pubsub}/v1/projects/${project}/topics/dead-letter`, { method: "PUT" });
  answers = await answersOf(built.manifest.functions);
}, 300_000);

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

describe.each(Object.entries(functions))("the bundle of %s", (name, fn) => {
  it("starts alone and answers in our shape", () => {
    const { status, type, text } = answers.get(name) ?? { status: 0, type: null, text: "did not answer" };

    if (fn.kind !== "http") {
      // What cannot be read is handed on where the function may publish; without a broker the test asks for a token it lacks.
      const passedOn = portsOf(fn).includes("topics") ? 204 : 503;
      expect([status, text]).toEqual([pubsub === undefined ? 401 : passedOn, ""]);
      return;
    }
    const { access, anyMethod, limits = [] } = fn.declaration;
    const isOpen = access.kind === "public" || (access.kind === "root" && access.openInDevelopment);
    // Calls of everybody that are counted before they are read need the store.
    const isUnanswerable = firestore === undefined && limits.some(({ per }) => per === "address");
    const open = isUnanswerable ? 500 : anyMethod ? 404 : 400;
    expect([status, text]).toEqual([isOpen ? open : 401, expect.any(String)]);
    expect(type).toBe("application/json; charset=utf-8");
    expect(JSON.parse(text)).toMatchObject({ error: expect.any(String), error_id: expect.any(String) });
  });

  it("holds the adapters of its ports and no other", () => {
    const { inputs } = reachedFrom(`${name}.mjs`, built.metafile, { root: repositoryRoot, folder: built.folder });
    const factories = inputs.filter((file) => /^shared\/platform\/(gcp|embedded)\//.test(file));
    const adapters = inputs.flatMap((file) => /^shared\/platform\/(\w+)\/[a-z0-9-]+-\1\.ts$/.exec(file)?.[1] ?? []);

    const ports = portsOf(fn).filter((port) => port !== "catalogue");
    const own = factories.filter((file) => !/needed-setting|loopback-client/.test(file));
    expect(own).toEqual(ports.map((port) => `shared/platform/gcp/${port}.ts`));
    expect([...new Set(adapters)].sort()).toEqual(ports);
  });

  it("is listed with packages that it needs", () => {
    const entry = built.manifest.functions.find((each) => each.name === name);

    expect(entry?.packages).toHaveProperty("@google-cloud/functions-framework");
    expect(Object.keys(entry?.packages ?? {})).not.toContain("yaml");
    expect("@google-cloud/kms" in (entry?.packages ?? {})).toBe(portsOf(fn).includes("keys"));
  });
});

test("every chunk can be imported: what it imports exists", async () => {
  const chunks = await readdir(join(built.folder, "chunks"));
  const urls = chunks.map((name) => pathToFileURL(join(built.folder, "chunks", name)).href);
  const script = join(root, "import-all.mjs");
  await writeFile(script, urls.map((url) => `await import(${JSON.stringify(url)});`).join("\n"));

  const child = spawn(process.execPath, [script], { stdio: ["ignore", "ignore", "pipe"] });
  const stderr = textOf(child.stderr);
  const [code] = await once(child, "exit");

  expect([code, await stderr]).toEqual([0, ""]);
});

test("a bundle with an unsafe configuration ends at once and lists what is wrong", async () => {
  const source = join(built.folder, "health.mjs");
  const child = spawn(process.execPath, [framework, "--target=health", `--source=${source}`, "--port=0"], {
    env: { ...environment(), ENVIRONMENT: "production", RATE_LIMIT_ENABLED: "false" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const stderr = textOf(child.stderr);
  const [code] = await once(child, "exit");

  expect(code).toBe(1);
  expect(await stderr).toContain("CA_ROOT_API_KEY must be set");
  expect(await stderr).toContain("RATE_LIMIT_ENABLED must be true");
});

test("the same source gives the same bytes, and no path of this machine is in them", async () => {
  expect(again.manifest).toEqual(built.manifest);
  for (const file of new Set(built.manifest.functions.flatMap((fn) => fn.files))) {
    const text = await readFile(join(built.folder, file), "utf8");
    expect(text).toBe(await readFile(join(again.folder, file), "utf8"));
    expect(text).not.toContain(repositoryRoot);
  }
});

test("a folder that no build has made is not emptied", async () => {
  const folder = await mkdtemp(join(root, "other-"));
  await writeFile(join(folder, "precious.txt"), "x");

  await expect(buildAll(folder)).rejects.toMatchObject({ code: "NOT_A_BUILD_FOLDER" });

  expect(await readdir(folder)).toEqual(["precious.txt"]);
});

/**
 * Starts each bundle by the framework's own command line and asks it something. Those with the same ports share a process,
 * started in it one after the other: none finds an adapter or a client that only another one brought along.
 */
async function answersOf(entries: readonly ManifestEntry[]): Promise<Map<string, Answer>> {
  const script = join(root, "command-lines.cjs");
  await writeFile(script, commandLines);
  const kinds = [...new Set(entries.map(portsIn))];
  const waiting = kinds.map((kind) => entries.filter((entry) => portsIn(entry) === kind));
  const found = new Map<string, Answer>();
  const worker = async (): Promise<void> => {
    for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
      for (const [name, answer] of await answersOfOneProcess(script, group)) found.set(name, answer);
    }
  };
  await Promise.all([worker(), worker()]);
  return found;
}

/** Runs the framework's command line once for each line of arguments it reads, in this process. */
const commandLines = `
process.setMaxListeners(0);
const framework = ${JSON.stringify(framework)};
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  process.argv = [process.execPath, framework, ...JSON.parse(line)];
  delete require.cache[framework];
  require(framework);
});
`;

async function answersOfOneProcess(script: string, group: readonly ManifestEntry[]): Promise<[string, Answer][]> {
  const child = spawn(process.execPath, [script], { cwd: root, env: environment(), stdio: "pipe" });
  const output = Promise.all([textOf(child.stdout), textOf(child.stderr)]);
  // What is written to a process that has ended is reported by the question to it.
  child.stdin.on("error", () => {});
  const found: [string, Answer][] = [];
  for (const entry of group) {
    const port = await freePort();
    const source = join(built.folder, entry.entry);
    child.stdin.write(`${JSON.stringify([`--target=${entry.name}`, `--source=${source}`, `--port=${port}`])}\n`);
    try {
      found.push([entry.name, await ask(child, entry, `http://127.0.0.1:${port}`)]);
    } catch (error) {
      child.kill("SIGKILL");
      throw new Error(`${entry.name}: ${String(error)}\n${(await output).join("")}`);
    }
  }
  child.kill("SIGKILL");
  return found;
}

function portsIn({ name }: ManifestEntry): string {
  const fn = functions[name];
  return fn === undefined ? name : [fn.kind, ...portsOf(fn)].join();
}

async function ask(child: ChildProcess, { trigger }: ManifestEntry, url: string): Promise<Answer> {
  const route = trigger.kind === "http" ? trigger.routes[0] : undefined;
  const path = (route?.path ?? "/").replace(/\{[^}]+\}/g, "x");
  const method = route === undefined ? "POST" : route.method === "*" ? "GET" : route.method;
  const request = { method, ...(method === "GET" ? {} : { body: '{"no":"push"}' }) };
  const deadline = Date.now() + 30_000;
  for (;;) {
    const response = await fetch(`${url}${path}?ca_unknown=1`, request).catch(() => undefined);
    if (response !== undefined)
      return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
    if (child.exitCode !== null) throw new Error(`ended with code ${child.exitCode}`);
    if (Date.now() > deadline) throw new Error("did not listen within 30 s");
    await pause(25);
  }
}

function environment(): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    ENVIRONMENT: "test",
    PLATFORM: "gcp",
    LOG_LEVEL: "silent",
    GCP_PROJECT_ID: project,
    METADATA_SERVER_DETECTION: "none",
    ...(firestore === undefined ? {} : { FIRESTORE_EMULATOR_HOST: firestore }),
    ...(pubsub === undefined
      ? { PUSH_OIDC_AUDIENCE: "https://bundles.test", PUSH_SERVICE_ACCOUNT: "push@bundles.test" }
      : { PUBSUB_EMULATOR_HOST: pubsub }),
  };
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const part of stream) text += String(part);
  return text;
}
