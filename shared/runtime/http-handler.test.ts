import { once } from "node:events";
import { connect } from "node:net";
import { Type } from "@sinclair/typebox";
import { afterEach, describe, expect, it } from "vitest";
import { apiKeyHash, makeApiKey } from "#shared/access/api-key.ts";
import { orgAccess, publicAccess, rootAccess } from "#shared/access/caller.ts";
import type { OrgAccessDocument } from "#shared/access/membership.ts";
import type { ApiKeyDocument } from "#shared/access/verify.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type AnyFunction, httpFunction, portsOf } from "./declaration.ts";
import { AppError } from "./errors.ts";
import { strictObject } from "./schema.ts";
import { rootKey, runningSubscription, type Served, serveFunctions } from "./served.fixture.ts";

const Answer = strictObject({ ok: Type.Boolean() });

function endpoint(path: string, handle: () => Promise<unknown>, access = publicAccess()): AnyFunction {
  return httpFunction({
    method: "GET",
    path: `/${path}`,
    summary: path,
    access,
    uses: [],
    response: Answer,
    handle: handle as () => Promise<{ ok: boolean }>,
  });
}

const gauges = endpoint("gauges", async () => ({ ok: true }), rootAccess({ openInDevelopment: true }));
const functions: Record<string, AnyFunction> = {
  right: endpoint("right", async () => ({ ok: true })),
  liar: endpoint("liar", async () => ({ ok: true, secret: "undeclared" })),
  bug: endpoint("bug", () => Promise.reject(new TypeError("/srv/internal.ts: SELECT 1"))),
  unlisted: endpoint("unlisted", () => Promise.reject(new AppError("NEVER_LISTED", "internal words"))),
  down: endpoint("down", () =>
    Promise.reject(
      new AppError("WAREHOUSE_UNAVAILABLE", "The warehouse cannot be reached.", { cause: new Error("10.0.0.1") }),
    ),
  ),
  gauges,
  trace: httpFunction({
    method: "GET",
    path: "/trace",
    summary: "What trace goes on",
    access: publicAccess(),
    uses: [],
    response: strictObject({ traceparent: Type.Union([Type.String(), Type.Null()]) }),
    handle: async ({ traceparent }) => ({ traceparent: traceparent ?? null }),
  }),
  own: httpFunction({
    method: "POST",
    path: "/own/{org}",
    summary: "Something of an organization",
    access: orgAccess("org:write", { root: true }),
    uses: [],
    body: strictObject({ note: Type.Optional(Type.String()) }),
    response: Answer,
    handle: async () => ({ ok: true }),
  }),
};

let served: Served;

afterEach(() => served.stop());

async function newKey(scopes: string[], org = "acme"): Promise<string> {
  const apiKey = makeApiKey(org);
  await served.documents.transaction(async (tx) => {
    await tx.getAll([`orgs/${org}`, `orgs/${org}/subscription/current`]);
    tx.set(`orgs/${org}/subscription/current`, runningSubscription());
    tx.set<OrgAccessDocument>(`orgs/${org}`, { slug: "Acme", orgId: "org_1", state: "ACTIVE" });
    tx.create<ApiKeyDocument>(`apiKeys/${apiKeyHash(apiKey)}`, {
      org,
      keyId: "key_1",
      name: "test",
      fingerprint: apiKey.slice(-4),
      scopes,
      primary: false,
      state: "ACTIVE",
      expiresAt: "2026-08-10T13:00:00.000Z",
      revokedAt: null,
      lastUsedAt: null,
      rotatedFrom: null,
    });
  });
  return apiKey;
}

describe("in production", () => {
  const production = { ENVIRONMENT: "production" };

  it("answers carry Strict-Transport-Security, elsewhere they do not", async () => {
    served = await serveFunctions(functions, production);
    const there = await fetch(`${served.url}/right`);
    await served.stop();
    served = await serveFunctions(functions);
    const here = await fetch(`${served.url}/right`);

    expect(there.headers.get("strict-transport-security")).toBe("max-age=63072000; includeSubDomains");
    expect(here.headers.get("strict-transport-security")).toBeNull();
  });

  it("what is open in development asks for the root key, and no other credential brings it down", async () => {
    served = await serveFunctions(functions, production);
    const key = await newKey(["*"]);
    const ask = async (headers: Record<string, string>) => (await fetch(`${served.url}/gauges`, { headers })).status;

    const statuses = [
      await ask({}),
      await ask({ "x-ca-root-key": "wrong" }),
      await ask({ "x-api-key": makeApiKey("nobody") }),
      await ask({ "x-api-key": key }),
      await ask({ "x-ca-root-key": rootKey }),
    ];

    expect(statuses).toEqual([401, 401, 401, 403, 200]);
    // To tell 401 from 403 the key has to be looked up: the function's bundle holds the store.
    expect(portsOf(gauges)).toEqual(["documents"]);
  });

  it("an answer that was not declared is still served", async () => {
    served = await serveFunctions(functions, production);

    expect((await fetch(`${served.url}/liar`)).status).toBe(200);
  });
});

describe("answers and failures", () => {
  it("an answer that its declaration does not describe fails in tests", async () => {
    served = await serveFunctions(functions);

    expect((await fetch(`${served.url}/liar`)).status).toBe(500);
  });

  it.each(["bug", "unlisted", "down"])(
    "%s shows nothing of the inside, the log line with the same id does",
    async (path) => {
      served = await serveFunctions(functions);

      const response = await fetch(`${served.url}/${path}`);
      const text = await response.text();
      const body = JSON.parse(text) as { error_id: string; request_id: string };

      expect(response.status).toBe(path === "down" ? 503 : 500);
      expect(response.headers.get("retry-after")).toBe(path === "down" ? "1" : null);
      for (const inside of ["internal", "SELECT", "TypeError", "stack", "10.0.0.1", ".ts"])
        expect(text).not.toContain(inside);
      const line = served.lines.find(({ error_id }) => error_id === body.error_id);
      expect(line?.["request_id"]).toBe(body.request_id);
      expect(JSON.stringify(line)).toMatch(/SELECT 1|internal words|10\.0\.0\.1/);
    },
  );

  it.each([
    ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true],
    ["x".repeat(2_000), false],
    ["00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false],
    ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01, again", false],
    ["", false],
  ])("the trace %s goes on: %s", async (traceparent, goesOn) => {
    served = await serveFunctions(functions);

    const answer = await (await fetch(`${served.url}/trace`, { headers: { traceparent } })).json();

    expect(answer).toEqual({ traceparent: goesOn ? traceparent : null });
  });
});

describe("one line per request", () => {
  it("says who asked what and how it ended, and holds no key, body or query", async () => {
    served = await serveFunctions(functions);
    const key = await newKey(["org:write"]);
    const scopeless = await newKey([]);
    const note = "a-body-nobody-logs";
    const ask = (apiKey: string, path = "/own/acme", body = JSON.stringify({ note })) =>
      fetch(`${served.url}${path}`, { method: "POST", headers: { "x-api-key": apiKey, "user-agent": note }, body });

    await ask(key);
    await ask(scopeless);
    await ask(key, "/own/other");
    await ask(`${key}x`);
    await ask(key, `/own/acme?q=${note}`);
    await ask(key, "/own/acme", `{"note":"${note}`);

    const lines = served.lines.filter(({ message }) => message === "request");
    expect(lines.map(({ status, credential, org }) => [status, credential, org])).toEqual([
      [200, "key", "acme"],
      [403, "key", undefined],
      [403, "key", undefined],
      [401, undefined, undefined],
      [400, "key", "acme"],
      [400, "key", "acme"],
    ]);
    for (const line of lines) expect(line).toMatchObject({ function: "own", request_id: expect.any(String) as string });
    const text = JSON.stringify(served.lines);
    for (const secret of [key, scopeless, note, rootKey]) expect(text).not.toContain(secret);
  });

  it("is no error line when the caller goes away in the middle of its body", async () => {
    served = await serveFunctions(functions);
    const { hostname, port } = new URL(served.url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");

    socket.write("POST /own/acme HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
    socket.resetAndDestroy();
    await once(socket, "close");
    for (let call = 0; call < 5; call++) expect((await fetch(`${served.url}/right`)).status).toBe(200);

    expect(served.lines.filter(({ level }) => level !== "info")).toEqual([]);
  });

  it("is written for a body that is refused before any function sees it", async () => {
    served = await serveFunctions(functions);

    const response = await fetch(`${served.url}/own/acme`, { method: "POST", body: "x".repeat(1_048_577) });

    expect(response.status).toBe(413);
    expect(served.lines).toContainEqual({
      level: "info",
      message: "request refused",
      request_id: response.headers.get("x-request-id"),
      status: 413,
    });
  });
});

describe("a key", () => {
  it("is refused from the millisecond it expires", async () => {
    served = await serveFunctions(functions);
    const key = await newKey(["*"]);
    const ask = async (apiKey = key) =>
      (await fetch(`${served.url}/own/acme`, { method: "POST", headers: { "x-api-key": apiKey } })).status;

    served.clock.advance(3_600_000 - 1);
    const before = await ask();
    served.clock.advance(1);
    const after = await ask();

    expect([before, after]).toEqual([200, 401]);
  });

  it("whose checksum is wrong is refused without a look into the store", async () => {
    let reads = 0;
    const counted = (documents: Documents): Documents => ({
      ...documents,
      get: (path) => {
        reads++;
        return documents.get(path);
      },
    });
    served = await serveFunctions(functions, {}, counted);
    const key = await newKey(["*"]);
    const wrong = key.slice(0, -1) + (key.endsWith("a") ? "b" : "a");

    const statuses: number[] = [];
    const readsSeen: number[] = [];
    for (const apiKey of [wrong, makeApiKey("acme")]) {
      reads = 0;
      statuses.push(
        (await fetch(`${served.url}/own/acme`, { method: "POST", headers: { "x-api-key": apiKey } })).status,
      );
      readsSeen.push(reads);
    }

    expect(statuses).toEqual([401, 401]);
    expect(readsSeen).toEqual([0, 1]);
  });
});
