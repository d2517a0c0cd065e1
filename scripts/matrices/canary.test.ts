import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import pl from "nodejs-polars";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startSimulator } from "#scripts/simulate-providers/server.ts";
import { mailedToken } from "#shared/account/sign-in.fixture.ts";
import { type EchoingProvider, startEchoingProvider } from "./echoing-provider.fixture.ts";
import { type RawAnswer, type RawCall, send } from "./raw-http.fixture.ts";
import { formsOf, placesHolding } from "./secret-forms.fixture.ts";
import { rootKey, startTwoOrganizations, type TwoOrganizations } from "./two-organizations.fixture.ts";

const providerKey = "sk-admin-sim-canaryaccount7fQ2xZ9k";
const refusedKey = "sk-admin-sim-refusedaccount3hTz8Lw";
const channelAddress = "canary.channel@example.com";
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
const madeKeys = { issued: "", rotated: "" };

/** All that a customer and a careless provider do to a key, failures first. */
async function wholeJourney(): Promise<void> {
  const onboarding = {
    org_slug: "canary_org",
    company_name: "Canary",
    admin_email: channelAddress,
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
  await keysOfTheirOwn();
  await read();
  await person();
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

/** Keys that the organization makes, replaces and ends; each is told once, in an answer that is not among the others. */
async function keysOfTheirOwn(): Promise<void> {
  const keys = "/api/v1/organizations/canary_org/api-keys";
  const told = async (path: string, body: unknown): Promise<Record<string, unknown>> => {
    const headers = { "x-api-key": orgKey, "idempotency-key": `canary ${path}` };
    const call = { method: "POST", path, headers, body: JSON.stringify(body) };
    const [first, again] = [await send(world.url, call), await send(world.url, call)];
    expect([again.headers["idempotency-replayed"], again.text]).toEqual(["true", first.text]);
    return first.body;
  };
  const issued = await told(keys, { name: "of the canary", scopes: ["costs:read"] });
  const rotated = await told(`${keys}/${issued["key_id"]}/rotate`, {});
  madeKeys.issued = String(issued["api_key"]);
  madeKeys.rotated = String(rotated["api_key"]);
  await asked("keys", { method: "GET", path: keys });
  await asked("more than the key may", {
    path: keys,
    headers: { "x-api-key": madeKeys.rotated },
    json: { name: "more", scopes: ["*"] },
  });
  await asked("the end of a key", { method: "DELETE", path: `${keys}/${rotated["key_id"]}` });
  await asked("audit rows", { method: "GET", path: "/api/v1/organizations/canary_org/audit-logs" });
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

/** Secrets of a person: what a mail, a cookie and an answer told them. */
const ofPerson: Record<string, string> = {};

/** A person's way in and out; the answers that hand a secret over are not among those that must hold none. */
async function person(): Promise<void> {
  const email = "canary.person@example.com";
  const toPage = { "user-agent": "canary-browser" };
  await asked("a link", { path: "/api/v1/auth/magic-link", headers: toPage, json: { email } });
  ofPerson["a spent sign-in token"] = await mailedToken(world.host, rootKey, email);
  const spent = { token: ofPerson["a spent sign-in token"] };
  const signedIn = await send(world.url, {
    method: "POST",
    path: "/api/v1/auth/magic-link/verify",
    headers: toPage,
    body: JSON.stringify(spent),
  });
  const cookie = (signedIn.headers["set-cookie"] ?? [""])[0]?.split(";")[0] ?? "";
  ofPerson["the session's secret"] = cookie.split("=")[1] ?? "";
  ofPerson["the token of the session's page"] = String(signedIn.body["csrf_token"]);
  const headers = { cookie, "x-csrf-token": ofPerson["the token of the session's page"] };
  const token = await send(world.url, { method: "POST", path: "/api/v1/auth/token", headers });
  ofPerson["the access token"] = String(token.body["access_token"]);
  await asked("a spent token", { path: "/api/v1/auth/magic-link/verify", headers: toPage, json: spent });
  await asked("a token in the query", { method: "GET", path: `/api/v1/me?token=${spent.token}`, headers });
  await asked("a token in the path", { method: "DELETE", path: `/api/v1/me/sessions/${spent.token}`, headers });
  await asked("a bearer", {
    method: "GET",
    path: "/api/v1/me",
    headers: { authorization: `Bearer ${token.body["access_token"]}` },
  });
  await asked("a deletion", { path: "/api/v1/me/deletion", headers, json: {} });
  ofPerson["a live deletion token"] = await mailedToken(world.host, rootKey, email);
  await asked("a link again", { path: "/api/v1/auth/magic-link", headers: toPage, json: { email } });
  ofPerson["a live sign-in token"] = await mailedToken(world.host, rootKey, email);
  await asked("own sessions", { method: "GET", path: "/api/v1/me/sessions", headers });
  await asked("a change with an idempotency key", {
    method: "PATCH",
    path: "/api/v1/me",
    headers: { ...headers, "idempotency-key": "rename-canary" },
    json: { name: "Canary" },
  });
}

/** Everything the platform leaves behind, as bytes: files of the store, documents, rows of the warehouse, log lines. */
async function remains(): Promise<Map<string, Buffer>> {
  const places = new Map<string, Buffer>();
  for (const file of await filesBelow(world.folder)) {
    const name = relative(world.folder, file);
    // The key ring holds keys, and the folder of mails stands for the mail server.
    if (name === "key-ring.json" || name.startsWith("mail/")) continue;
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
    "a key that was issued": madeKeys.issued,
    "a key that replaced it": madeKeys.rotated,
    "alpha's key": alpha.apiKey,
    "alpha's provider key": "sk-admin-sim-alphaccount",
    "beta's key": beta.apiKey,
    "beta's provider key": "sk-admin-sim-markeraccount",
    "the root key": rootKey,
    ...ofPerson,
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
      keys: 200,
      "more than the key may": 403,
      "the end of a key": 200,
      "audit rows": 200,
      "a link": 202,
      "a spent token": 401,
      "a token in the query": 400,
      "a token in the path": 404,
      "a bearer": 200,
      "a deletion": 202,
      "a link again": 202,
      "own sessions": 200,
      "a change with an idempotency key": 200,
    });
    expect(statuses["setup on a page"]).toBeGreaterThanOrEqual(400);
    expect(runs).toEqual({ run: "COMPLETED", "refused run": "FAILED", "run on a wrong shape": "FAILED" });
    expect(answers.filter(({ status }) => status === 500)).toEqual([]);
    for (const secret of Object.values(ofPerson)) expect(secret.length).toBeGreaterThan(30);
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

  it("an address that a channel seals is in no document of it, of a rule or an account, no audit row, log line or answer", async () => {
    const all = [...(await remains())];
    const told = new Map(all.filter(([place]) => place === "document orgs/canary_org"));
    const kept = all.filter(([place]) =>
      /^(log line|document orgs\/canary_org\/(channels|alert-rules|billing|audit|quota)\/)/.test(place),
    );
    const texts = answers.map(({ text }, at): [string, Buffer] => [`answer ${at}`, Buffer.from(text)]);

    const places = placesHolding({ it: channelAddress }, new Map([...kept, ...texts]));

    expect(places).toEqual([]);
    expect(kept.filter(([place]) => place.includes("/channels/"))).toHaveLength(1);
    expect(kept.filter(([place]) => place.includes("/alert-rules/")).length).toBeGreaterThan(1);
    expect(placesHolding({ it: channelAddress }, told)).not.toEqual([]);
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
