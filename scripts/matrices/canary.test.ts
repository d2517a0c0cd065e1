import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import pl from "nodejs-polars";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startSimulator } from "#scripts/simulate-providers/server.ts";
import { type EchoingProvider, startEchoingProvider } from "./echoing-provider.fixture.ts";
import { type RawAnswer, type RawCall, send } from "./raw-http.fixture.ts";
import { formsOf, placesHolding } from "./secret-forms.fixture.ts";
import { rootKey, startTwoOrganizations, type TwoOrganizations } from "./two-organizations.fixture.ts";

const providerKey = "sk-admin-sim-canaryaccount7fQ2xZ9k";
const refusedKey = "sk-admin-sim-refusedaccount3hTz8Lw";
const run = "/api/v1/pipelines/run/canary_org/openai/cost/usage_cost";
const setup = "/api/v1/integrations/canary_org/openai/setup";

let simulator: Awaited<ReturnType<typeof startSimulator>>;
let provider: EchoingProvider;
let world: TwoOrganizations;
let orgKey: string;
/** Every answer but the two that are meant to tell the key. */
const answers: RawAnswer[] = [];
const statuses: Record<string, number> = {};

beforeAll(async () => {
  simulator = await startSimulator({ now: "2026-08-10T12:00:00Z" });
  provider = await startEchoingProvider(simulator.url);
  world = await startTwoOrganizations({ CA_PROVIDER_SIMULATOR_URL: provider.url });
  await wholeJourney();
}, 240_000);

afterAll(async () => {
  await world.stop();
  await provider.stop();
  await simulator.stop();
});

async function asked(what: string, call: Partial<RawCall> & { path: string; json?: unknown }): Promise<RawAnswer> {
  const { json, ...rest } = call;
  const body = json === undefined ? {} : { body: JSON.stringify(json) };
  const answer = await send(world.url, { method: "POST", headers: { "x-api-key": orgKey }, ...body, ...rest });
  answers.push(answer);
  statuses[what] = answer.status;
  return answer;
}

async function ended(what: string, days: { start_date: string; end_date: string }): Promise<void> {
  const { body } = await asked(`${what} started`, { path: run, json: days });
  await world.host.idle();
  const path = `/api/v1/pipelines/canary_org/runs/${String(body["run_id"])}`;
  const { body: ending } = await asked(what, { method: "GET", path });
  runs[what] = String(ending["status"]);
}

const runs: Record<string, string> = {};

/** All that a customer and a careless provider do to a key, failures first. */
async function wholeJourney(): Promise<void> {
  const onboarding = {
    org_slug: "canary_org",
    company_name: "Canary",
    admin_email: "c@example.com",
    subscription_plan: "SCALE",
  };
  const headers = { "x-ca-root-key": rootKey, "idempotency-key": "onboard-canary" };
  const onboard = () =>
    send(world.url, {
      method: "POST",
      path: "/api/v1/organizations/onboard",
      headers,
      body: JSON.stringify(onboarding),
    });
  orgKey = String((await onboard()).body["api_key"]);
  expect((await onboard()).body["api_key"]).toBe(orgKey);
  await connect();
  await ended("run", { start_date: "2026-07-01", end_date: "2026-07-03" });
  provider.mode = "refuse";
  await ended("refused run", { start_date: "2026-07-04", end_date: "2026-07-05" });
  await asked("refused validation", { path: "/api/v1/integrations/canary_org/openai/validate", json: {} });
  provider.mode = "pass";
  await asked("validation", { path: "/api/v1/integrations/canary_org/openai/validate", json: {} });
  provider.mode = "wrong-shape";
  await ended("run on a wrong shape", { start_date: "2026-07-06", end_date: "2026-07-07" });
  provider.mode = "pass";
  await misuse();
  await read();
  await world.host.ports.topics.publish([
    { topic: "pipeline-openai", payload: { malformed: true }, attributes: {} },
    { topic: "tick-history-flush", payload: {}, attributes: {} },
  ]);
  await world.host.idle();
}

async function connect(): Promise<void> {
  const refused = { api_key: refusedKey, credential_name: "refused" };
  provider.mode = "refuse";
  await asked("refused setup", { path: setup, json: refused });
  provider.mode = "fail";
  await asked("failed setup", { path: setup, json: refused });
  provider.mode = "page";
  await asked("setup on a page", { path: setup, json: refused });
  provider.mode = "pass";
  const headers = { "x-api-key": orgKey, "idempotency-key": "connect-canary" };
  const right = { api_key: providerKey, credential_name: "canary", metadata: { notes: "of the canary" } };
  await asked("setup", { path: setup, headers, json: right });
  await asked("setup again", { path: setup, headers, json: right });
  await asked("setup of the same account", { path: setup, json: { ...right, credential_name: "twin" } });
}

/** Keys where they do not belong. */
async function misuse(): Promise<void> {
  await asked("a key in the metadata", { path: setup, json: { api_key: refusedKey, metadata: { notes: refusedKey } } });
  await asked("a key in a wrong type", { path: setup, json: { api_key: [refusedKey] } });
  await asked("a key in broken JSON", { path: setup, body: `{"api_key":"${refusedKey}` });
  await asked("a key in the query", {
    method: "GET",
    path: `/api/v1/organizations/canary_org/quota?api_key=${orgKey}`,
  });
  await asked("a key in the path", { method: "GET", path: `/api/v1/organizations/${orgKey}/quota` });
  await asked("a key nowhere", { method: "GET", path: `/${orgKey}/${providerKey}` });
  await asked("a key too many", { method: "GET", path: run, headers: { "x-api-key": `${orgKey}x` } });
  await asked("a key as root key", { path: "/api/v1/admin/bootstrap", headers: { "x-ca-root-key": orgKey } });
  await asked("a key of the wrong kind", { path: setup, json: { api_key: orgKey } });
}

async function read(): Promise<void> {
  for (const path of [
    "/api/v1/organizations/canary_org/quota",
    "/api/v1/integrations/canary_org",
    "/api/v1/integrations/canary_org/openai",
    "/api/v1/pipelines/canary_org/runs",
    "/api/v1/costs/canary_org/summary?start_date=2026-07-01&end_date=2026-07-31",
    "/metrics",
    "/openapi.json",
  ])
    await asked(path, { method: "GET", path });
  const headers = { "x-ca-root-key": rootKey };
  const revealed = await send(world.url, { method: "GET", path: "/api/v1/admin/dev/api-key/canary_org", headers });
  expect(revealed.body["api_key"]).toBe(orgKey);
}

/** Everything the platform leaves behind, as bytes: files of the store, documents, rows of the warehouse, log lines. */
async function remains(): Promise<Map<string, Buffer>> {
  const places = new Map<string, Buffer>();
  for (const file of await filesBelow(world.folder)) {
    const name = relative(world.folder, file);
    if (name === "key-ring.json") continue;
    places.set(name, await readFile(file));
    // Parquet is compressed: its rows are read as text too.
    if (name.endsWith(".parquet")) places.set(`rows of ${name}`, rowsOf(file));
  }
  for (const [path, body] of world.mirror.stored) places.set(`document ${path}`, Buffer.from(`${path} ${body}`));
  world.lines.forEach((line, at) => {
    places.set(`log line ${at}`, Buffer.from(line));
  });
  return places;
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function rowsOf(file: string): Buffer {
  const frame = pl.readParquet(file);
  const text = frame.columns.map((name) => {
    const column = frame.getColumn(name);
    const isNested = /List|Struct|Array/.test(String(column.dtype));
    return JSON.stringify((isNested ? column : column.cast(pl.Utf8)).toArray());
  });
  return Buffer.from(`${frame.columns.join()} ${text.join("\n")}`);
}

function secrets(): Record<string, string> {
  const { alpha, beta } = world;
  return {
    "the provider key": providerKey,
    "the refused provider key": refusedKey,
    "the organization's key": orgKey,
    "alpha's key": alpha.apiKey,
    "alpha's provider key": "sk-admin-sim-alphaccount",
    "beta's key": beta.apiKey,
    "beta's provider key": "sk-admin-sim-markeraccount",
    "the root key": rootKey,
  };
}

describe("secrets", () => {
  it("went through everything that may leak them", () => {
    expect(statuses).toMatchObject({
      "refused setup": 422,
      "failed setup": 503,
      setup: 200,
      "setup again": 200,
      "setup of the same account": 409,
      "a key in the metadata": 422,
      "a key in a wrong type": 422,
      "a key in broken JSON": 400,
      "a key in the query": 400,
      "a key in the path": 403,
      "a key nowhere": 404,
      "a key too many": 405,
      "a key as root key": 401,
      "a key of the wrong kind": 422,
    });
    expect(statuses["setup on a page"]).toBeGreaterThanOrEqual(400);
    expect(runs).toEqual({ run: "COMPLETED", "refused run": "FAILED", "run on a wrong shape": "FAILED" });
    expect(answers.filter(({ status }) => status === 500)).toEqual([]);
  });

  it("are in no answer", () => {
    const texts = new Map(
      answers.map((answer, at) => [`answer ${at}`, Buffer.from(`${JSON.stringify(answer.headers)} ${answer.text}`)]),
    );

    expect(placesHolding(secrets(), texts)).toEqual([]);
  });

  it("are in no file, document, warehouse row or log line, in whatever form", async () => {
    const places = await remains();

    const kinds = ["documents.sqlite", "rows of ", "document ", "log line "];
    for (const kind of kinds)
      expect(
        [...places.keys()].some((name) => name.startsWith(kind)),
        kind,
      ).toBe(true);
    expect(placesHolding(secrets(), places)).toEqual([]);
  });

  it("would be found: what is no secret is, in the same places by the same search", async () => {
    const places = await remains();
    const { runId } = world.alpha;
    const found = (text: string) => placesHolding({ it: text }, places).join("\n");

    expect(found("alpha-marker-company")).toContain("documents.sqlite");
    expect(found(runId)).toMatch(/it in rows of /);
    expect(found("alpha-marker-credential")).toMatch(/it in document /);
    expect(found("canary_org")).toMatch(/it in log line /);
  });

  it.each(formsOf(providerKey).map((form) => [form]))("would be found as %s", (form) => {
    expect(placesHolding({ it: providerKey }, new Map([["place", Buffer.from(`x${form}y`)]]))).toEqual(["it in place"]);
  });

  it("would be found inside longer base64, at any offset", () => {
    for (let before = 0; before < 6; before++) {
      const text = Buffer.from(`${"?".repeat(before)}${providerKey}{"more":1}`).toString("base64");

      expect(placesHolding({ it: providerKey }, new Map([["place", Buffer.from(text)]]))).toEqual(["it in place"]);
    }
  });
});
