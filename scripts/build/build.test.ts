import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { TSchema } from "@sinclair/typebox";
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, test } from "vitest";
import { freePort } from "#scripts/emulators/emulators.ts";
import { loadFunctions } from "#scripts/start/functions.ts";
import { startKmsDouble } from "#shared/platform/keys/kms-double.ts";
import { startSmtpDouble } from "#shared/platform/mail/smtp-double.ts";
import { startCloudStorageDouble } from "#shared/platform/objects/cloud-storage-double.ts";
import { startBigQueryDouble } from "#shared/platform/warehouse/bigquery-double/bigquery-double.ts";
import { Environment } from "#shared/runtime/config.ts";
import { portsOf, requestSchemas } from "#shared/runtime/declaration.ts";
import { nothing } from "#shared/runtime/schema.ts";
import { type Validator, validatorOf, type Way } from "#shared/runtime/validators.ts";
import { type Build, buildAll } from "./build.ts";
import { repositoryRoot } from "./bundle.ts";
import type { ManifestEntry } from "./manifest.ts";
import { reachedFrom, startedFrom } from "./reached.ts";
import { requestModules, settingsModule } from "./validator-modules.ts";

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

  it("brings its packages along, but for the framework and the frames of those that use them", () => {
    const { bundled } = reachedFrom(`${name}.mjs`, built.metafile, { root: repositoryRoot, folder: built.folder });
    const entry = built.manifest.functions.find((each) => each.name === name);

    const beside = Object.keys(entry?.packages ?? {});
    expect(beside.filter((each) => each !== "nodejs-polars")).toEqual(["@google-cloud/functions-framework"]);
    expect(bundled).not.toContain("yaml");
    expect(bundled.includes("@google-cloud/kms")).toBe(portsOf(fn).includes("keys"));
  });

  it("reads no client, no frames, no schema compiler and no configuration before it is asked", () => {
    const started = startedFrom(`${name}.mjs`, built.metafile, { root: repositoryRoot, folder: built.folder });

    // Entities carry metadata that is checked by schemas of their organization's own.
    const compiles = name.startsWith("hierarchy-") && started.inputs.includes("shared/hierarchy/metadata-schema.ts");
    const expected = new Set([...atStart, ...(compiles ? compilerPackages : [])]);
    expect(started.bundled.filter((each) => !expected.has(each))).toEqual([]);
    expect(started.packages).toEqual(["@google-cloud/functions-framework"]);
    expect(
      started.inputs.filter((each) => /^(config|catalogue|generated-validator|shared\/platform\/gcp)[:/]/.test(each)),
    ).toEqual([]);
  });
});

test("a refusal reads, beyond what the start reads, the settings' validator and the counter of failures", async () => {
  const entry = entryNamed("quota");
  const place = { root: repositoryRoot, folder: built.folder };
  const started = startedFrom(entry.entry, built.metafile, place);

  const loaded = await filesLoadedUntilAnswered(entry);

  const read = loaded.flatMap((file) => inputsOf(file)).filter((input) => !started.inputs.includes(input));
  const [foreign, own] = [true, false].map((is) => read.filter((input) => input.includes("node_modules/") === is));
  expect(loaded).toEqual(expect.arrayContaining(started.files));
  expect(own).toEqual(["generated-validator:validator:settings"]);
  expect(foreign?.filter((input) => !/\/rate-limiter-flexible\/|\/ajv\/dist\/runtime\//.test(input))).toEqual([]);
  expect(foreign?.length).toBeLessThan(10);
});

test("the validators in the bundles answer, change and explain what the compiler's own do", async () => {
  const way = (module: string): Way => (module === settingsModule ? "settings" : "request");
  const schemas = Object.entries(functions).flatMap(([name, fn]) => {
    const parts = requestSchemas(fn);
    return requestModules(name, fn).map(([part, module]): [string, TSchema] => [module, parts[part] ?? nothing]);
  });
  let compared = 0;
  for (const [module, schema] of new Map([[settingsModule, Environment], ...schemas])) {
    const { validate } = (await importChunk(`generated-validator:${module}`)) as { validate: Validator };
    const compiled = await validatorOf(schema, way(module));
    for (const value of probes(schema)) {
      expect([module, verdictOf(validate, value)]).toEqual([module, verdictOf(compiled, value)]);
      compared += 1;
    }
  }

  expect(compared).toBeGreaterThan(10_000);
});

describe.skipIf(firestore === undefined || pubsub === undefined)("the clients in the bundles", () => {
  it("reach their services", async () => {
    const [kms, storage, bigquery, smtp] = await Promise.all([
      startKmsDouble(),
      startCloudStorageDouble(),
      startBigQueryDouble(),
      startSmtpDouble(),
    ]);
    onTestFinished(async () => {
      await Promise.all([kms.close(), storage.close(), bigquery.stop(), smtp.close()]);
    });
    const config = {
      GCP_PROJECT_ID: project,
      GCP_OBJECTS_BUCKET: storage.bucket,
      KMS_KEY_NAME: kms.keyName,
      KMS_ENDPOINT: kms.url,
      STORAGE_ENDPOINT: storage.url,
      BIGQUERY_ENDPOINT: bigquery.url,
      DATASET_LOCATION: "EU",
      MAIL_URL: smtp.url,
      MAIL_FROM: "a@example.test",
    };
    const script = join(root, "use-clients.mjs");
    await writeFile(script, useClients);
    const ports = ["documents", "topics", "keys", "objects", "warehouse", "mail"];
    const urls = Object.fromEntries(ports.map((port) => [port, chunkOf(`shared/platform/gcp/${port}.ts`)]));

    const child = spawn(process.execPath, [script, JSON.stringify({ urls, config })], { env: environment() });
    const output = Promise.all([textOf(child.stdout), textOf(child.stderr)]);
    await once(child, "exit");

    const [stdout, stderr] = await output;
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual({
      documents: { word: "kept" },
      published: true,
      keys: "sealed",
      objects: "bytes",
      warehouse: "org_x",
    });
    expect(smtp.received.map(({ subject }) => subject)).toEqual(["Hello"]);
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

/** Packages that a start may read: small, and in use by the time of the first answer. */
const atStart: readonly string[] = [
  ...["@sinclair/typebox", "croner", "decimal.js", "lossless-json", "lru-cache", "luxon", "ulid"],
  ...["request-filtering-agent", "ipaddr.js"],
  ...["pino", "pino-std-serializers", "@pinojs/redact", "atomic-sleep", "on-exit-leak-free", "quick-format-unescaped"],
  ...["safe-stable-stringify", "sonic-boom", "thread-stream"],
];
const compilerPackages: readonly string[] = ["ajv", "fast-deep-equal", "fast-uri", "json-schema-traverse"];

/** Uses each port's client once, as the chunk of its adapter opens it. */
const useClients = `
const { urls, config } = JSON.parse(process.argv[2]);
const open = async (port) => (await import(urls[port])).open(config);
const documents = await open("documents");
await documents.transaction(async (tx) => {
  await tx.get("platform/bundle");
  tx.set("platform/bundle", { word: "kept" });
});
const topics = await open("topics");
await topics.publish([{ topic: "dead-letter", payload: { a: 1 }, attributes: {} }]);
const keys = await open("keys");
const objects = await open("objects");
await objects.put("a/b", Buffer.from("bytes"));
const warehouse = await open("warehouse");
await warehouse.ensureDataset({ id: "ds_bundle", label: "org_x", location: "EU", description: "x" });
const mail = await open("mail");
await mail.send({ id: "mail_1", to: "b@example.test", subject: "Hello", text: "x" });
const text = (bytes) => Buffer.from(bytes).toString();
const used = {
  documents: (await documents.get("platform/bundle")).body,
  published: true,
  keys: text(await keys.open(await keys.seal(Buffer.from("sealed"), "c"), "c")),
  objects: text(await objects.get("a/b")),
  warehouse: (await warehouse.describeDataset("ds_bundle")).label,
};
process.stdout.write(JSON.stringify(used), () => process.exit(0));
`;

/** The file that holds a module which is imported lazily. */
function chunkOf(module: string): string {
  const found = Object.entries(built.metafile.outputs).find(([, { entryPoint }]) => entryPoint === module);
  if (found === undefined) throw new Error(`no chunk begins with ${module}`);
  return pathToFileURL(join(repositoryRoot, found[0])).href;
}

function importChunk(module: string): Promise<unknown> {
  return import(/* @vite-ignore */ chunkOf(module));
}

/** The modules in an output file. */
function inputsOf(file: string): string[] {
  const path = relative(repositoryRoot, join(built.folder, file));
  return Object.keys(built.metafile.outputs[path]?.inputs ?? {});
}

function entryNamed(name: string): ManifestEntry {
  const entry = built.manifest.functions.find((each) => each.name === name);
  if (entry === undefined) throw new Error(`there is no function ${name}`);
  return entry;
}

/** Values that schemas of every kind take, refuse, or complete. */
function probes(schema: TSchema): unknown[] {
  const names = [...Object.keys((schema["properties"] ?? {}) as object), "ca_unknown"];
  const values = [
    null,
    "",
    "x",
    "a\u0000b",
    "2026-01-31",
    "2026-01-31T00:00:00Z",
    "5",
    5,
    -1,
    0.5,
    true,
    [],
    ["x"],
    {},
  ];
  return [...values, ...names.flatMap((name) => values.map((value) => ({ [name]: value })))];
}

function verdictOf(validate: Validator, value: unknown): unknown {
  const given: unknown = structuredClone(value);
  const isValid = validate(given);
  return { isValid, given, errors: isValid ? [] : structuredClone(validate.errors) };
}

/** Files of the build that one process reads, up to its first answer. */
async function filesLoadedUntilAnswered(entry: ManifestEntry): Promise<string[]> {
  const hooks = `import { writeSync } from "node:fs";
    export const load = (url, context, next) => { writeSync(2, url + "\\n"); return next(url, context); };`;
  const asUrl = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`;
  const register = `import { register } from "node:module"; register(${JSON.stringify(asUrl(hooks))});`;
  const port = await freePort();
  const served = [framework, `--target=${entry.name}`, `--source=${join(built.folder, entry.entry)}`, `--port=${port}`];
  const child = spawn(process.execPath, ["--import", asUrl(register), ...served], {
    cwd: root,
    env: environment(),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const stderr = textOf(child.stderr);
  await ask(child, entry, `http://127.0.0.1:${port}`);
  child.kill("SIGKILL");
  const folder = pathToFileURL(`${built.folder}/`).href;
  const urls = (await stderr).split("\n").filter((line) => line.startsWith(folder));
  return urls.map((url) => url.slice(folder.length)).sort();
}

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
