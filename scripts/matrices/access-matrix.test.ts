import { Type } from "@sinclair/typebox";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signInPerson } from "#scripts/e2e/people.ts";
import { loadFunctions } from "#scripts/start/functions.ts";
import { makeApiKey } from "#shared/access/api-key.ts";
import { type Access, orgAccess } from "#shared/access/caller.ts";
import { roleScopes } from "#shared/access/role-scopes.ts";
import { membershipPath, type Role, roles } from "#shared/access/roles.ts";
import { keyHolds } from "#shared/access/scopes.ts";
import { type SessionDocument, sessionPath } from "#shared/access/session.ts";
import { systemClock } from "#shared/platform/clock.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { type AnyHttpDeclaration, httpFunction } from "#shared/runtime/declaration.ts";
import { type Endpoint, endpointsOf, harmlessCall, paramsOf, pathOf } from "./example-request.fixture.ts";
import { type RawAnswer, send, withoutIds } from "./raw-http.fixture.ts";
import { rootKey, startTwoOrganizations, type TwoOrganizations } from "./two-organizations.fixture.ts";

/** Stands for a function that somebody adds tomorrow: nothing below names it. */
const newcomer = httpFunction({
  method: "POST",
  path: "/api/v1/newcomers/{org}/{thing}",
  summary: "What nobody wrote a row for",
  access: orgAccess("budgets:write"),
  uses: [],
  body: Type.Object({}, { additionalProperties: false }),
  response: Type.Object({}),
  handle: async () => ({}),
});

const invalidKinds = [
  "no credential",
  "garbage root key",
  "garbage org key",
  "checksum-wrong org key",
  "unknown key of the right form",
  "revoked key",
  "expired key",
  "key of an organization that is gone",
  "two keys in one header",
  "garbage root key beside a right key",
  "root key beside a revoked key",
  "garbage cookie",
  "unknown cookie of the right form",
  "garbage bearer",
  "an organization's key as bearer",
  "revoked session",
  "session that was idle too long",
  "session that is too old",
  "bearer of a revoked session",
  "cookie of one person and bearer of another",
  "right key beside a garbage cookie",
  "two cookies of one name",
] as const;
const validKinds = [
  "key of another organization",
  "key lacking the scope",
  "key with exactly the scope",
  "key with every scope",
  "root key beside a right key",
  "root key",
  "owner's session",
  "admin's session",
  "member's session",
  "viewer's session",
  "owner's bearer",
  "viewer's bearer",
  "owner's cookie without the token of its page",
  "session of another organization's owner",
  "session of who is no member any more",
  "session of who is in no organization",
] as const;
type CredentialKind = (typeof invalidKinds)[number] | (typeof validKinds)[number];

const kinds: readonly CredentialKind[] = [...invalidKinds, ...validKinds];

const functions = { ...(await loadFunctions()), newcomer };
const endpoints = endpointsOf(functions);
const cells = endpoints.flatMap((endpoint) =>
  kinds.map((kind) => ({ endpoint, kind, row: `${endpoint.declaration.method} ${endpoint.template}` })),
);

type Verdict = "in" | "401" | "403 FORBIDDEN" | "403 ORG_MISMATCH" | "403 CSRF_FAILED";

/** What each credential gets where the function's access is of this kind; a kind without a column fails. */
function expectedOf({ declaration, template }: Endpoint, kind: CredentialKind): Verdict {
  const { access } = declaration;
  if (isInvalid(kind)) return isOpen(access) ? "in" : "401";
  if (isOpen(access) || access.kind === "any") return "in";
  if (isPersonal(kind)) return expectedOfPerson({ declaration, template, name: "" }, kind);
  const isRoot = kind === "root key";
  switch (access.kind) {
    case "root":
      return isRoot ? "in" : "403 FORBIDDEN";
    case "org":
      if (isRoot) return access.root ? "in" : "403 FORBIDDEN";
      if (kind === "key of another organization" && paramsOf(template).includes("org")) return "403 ORG_MISMATCH";
      if (access.peopleOnly || !keyHolds(["*"], access.scope)) return "403 FORBIDDEN";
      return kind === "key lacking the scope" ? "403 FORBIDDEN" : "in";
    case "session":
      return "403 FORBIDDEN";
    default:
      throw new Error(`no row says who may call what has access ${JSON.stringify(access)}`);
  }
}

function scopesOf(access: Access & { kind: "org" }): string[] {
  return [access.scope, ...(access.also === undefined ? [] : [access.also])];
}

/** The role is the one in the organization of the path, whatever others the person has elsewhere. */
function expectedOfPerson({ declaration, template }: Endpoint, kind: CredentialKind): Verdict {
  const { access, method } = declaration;
  const isUnsafe = method !== "GET";
  if (kind === "owner's cookie without the token of its page" && isUnsafe) return "403 CSRF_FAILED";
  if (access.kind === "root") return "403 FORBIDDEN";
  if (access.kind !== "org") return "in";
  const role = roles.find((each) => kind.startsWith(`${each}'s`));
  if (role === undefined || !paramsOf(template).includes("org")) return "403 ORG_MISMATCH";
  return roleScopes(role).includes(access.scope) ? "in" : "403 FORBIDDEN";
}

function isPersonal(kind: CredentialKind): boolean {
  return /session|bearer|cookie/.test(kind);
}

function isOpen(access: Access): boolean {
  return access.kind === "public" || (access.kind === "root" && access.openInDevelopment);
}

function isInvalid(kind: CredentialKind): boolean {
  return (invalidKinds as readonly string[]).includes(kind);
}

let world: TwoOrganizations;
let keys: Record<"revoked" | "expired" | "scopeless" | "gone" | "unknown", string>;
const exactKeys = new Map<string, string>();
/** Headers by kind of credential, of people. */
let personal: Record<string, Record<string, string>>;

beforeAll(async () => {
  world = await startTwoOrganizations({}, { newcomer });
  const { alpha, mirror } = world;
  await mirror.documents.transaction(async (tx) => {
    const standing = (await tx.get<object>(`orgs/${alpha.key}`)).body;
    tx.create("orgs/gone_org", { ...standing, slug: "gone_org", orgId: "org_gone", state: "DELETED" });
  });
  const gone = { ...alpha, slug: "gone_org", key: "gone_org", orgId: "org_gone" };
  keys = {
    revoked: await world.issueKey(alpha, { scopes: ["*"], state: "REVOKED", revokedAt: "2026-01-01T00:00:00.000Z" }),
    expired: await world.issueKey(alpha, { scopes: ["*"], expiresAt: new Date(Date.now() - 1).toISOString() }),
    scopeless: await world.issueKey(alpha, { scopes: [] }),
    gone: await world.issueKey(gone, { scopes: ["*"] }),
    unknown: makeApiKey("alpha_org"),
  };
  personal = await personalHeaders();
  for (const { declaration } of endpoints) {
    const { access } = declaration;
    if (access.kind === "org" && !exactKeys.has(scopesOf(access).join()))
      exactKeys.set(scopesOf(access).join(), await world.issueKey(alpha, { scopes: scopesOf(access) }));
  }
}, 120_000);

afterAll(() => world.stop());

/** A session written as the store keeps it, and a token of it made while it still lived. */
async function sessionOf(email: string, change: Partial<SessionDocument> = {}) {
  const ports = { ...world.host.ports, clock: systemClock, ids: systemIds };
  const person = await signInPerson(email, ports);
  const token = await call(world.url, "POST", "/api/v1/auth/token", person.headers);
  await world.mirror.documents.transaction(async (tx) => {
    const { body } = await tx.get<SessionDocument>(sessionPath(person.sessionId));
    if (body !== undefined) tx.set<SessionDocument>(sessionPath(person.sessionId), { ...body, ...change });
  });
  return { headers: person.headers, userId: person.userId, bearer: { authorization: `Bearer ${token}` } };
}

async function call(url: string, method: string, path: string, headers: Record<string, string>): Promise<string> {
  return String((await send(url, { method, path, headers })).body["access_token"]);
}

async function personalHeaders(): Promise<Record<string, Record<string, string>>> {
  const { alpha, beta } = world;
  const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();
  const revoked = await sessionOf("revoked@example.com", { revokedAt: daysAgo(0) });
  const idle = await sessionOf("idle@example.com", { lastSeenAt: daysAgo(7) });
  const old = await sessionOf("old@example.com", { expiresAt: daysAgo(0) });
  const nobody = await sessionOf("nobody@example.com");
  const former = await sessionOf("former@example.com");
  const removed = { ...alpha.people.owner.caller, userId: former.userId };
  await world.mirror.documents.transaction(async (tx) => {
    const membership = { userId: removed.userId, org: alpha.key, role: "owner", status: "REMOVED" };
    tx.create(membershipPath(alpha.key, removed.userId), membership);
  });
  const bearerOf = async (role: Role) => ({
    authorization: `Bearer ${await call(world.url, "POST", "/api/v1/auth/token", alpha.people[role].headers)}`,
  });
  const owner = alpha.people.owner.headers;
  return {
    "garbage cookie": { ...owner, cookie: "ca_session=garbage" },
    "unknown cookie of the right form": { ...owner, cookie: `ca_session=${"A".repeat(43)}` },
    "garbage bearer": { authorization: "Bearer garbage" },
    "an organization's key as bearer": { authorization: `Bearer ${alpha.apiKey}` },
    "revoked session": revoked.headers,
    "session that was idle too long": idle.headers,
    "session that is too old": old.headers,
    "bearer of a revoked session": revoked.bearer,
    "cookie of one person and bearer of another": { ...owner, ...(await bearerOf("admin")) },
    "right key beside a garbage cookie": { "x-api-key": alpha.apiKey, cookie: "ca_session=garbage" },
    "two cookies of one name": { ...owner, cookie: `${owner.cookie}; ${owner.cookie}` },
    "owner's session": owner,
    "admin's session": alpha.people.admin.headers,
    "member's session": alpha.people.member.headers,
    "viewer's session": alpha.people.viewer.headers,
    "owner's bearer": await bearerOf("owner"),
    "viewer's bearer": await bearerOf("viewer"),
    "owner's cookie without the token of its page": { cookie: owner.cookie },
    "session of another organization's owner": beta.people.owner.headers,
    "session of who is no member any more": former.headers,
    "session of who is in no organization": nobody.headers,
  };
}

function headersOf(kind: CredentialKind, { access }: AnyHttpDeclaration): Record<string, string> {
  const ofPerson = personal[kind];
  if (ofPerson !== undefined) return ofPerson;
  const { alpha, beta } = world;
  const changed = alpha.apiKey.slice(0, -1) + (alpha.apiKey.endsWith("0") ? "1" : "0");
  const exact = access.kind === "org" ? (exactKeys.get(scopesOf(access).join()) ?? "") : alpha.apiKey;
  const headers: Partial<Record<CredentialKind, Record<string, string>>> = {
    "no credential": {},
    "garbage root key": { "x-ca-root-key": "garbage" },
    "garbage org key": { "x-api-key": "garbage" },
    "checksum-wrong org key": { "x-api-key": changed },
    "unknown key of the right form": { "x-api-key": keys.unknown },
    "revoked key": { "x-api-key": keys.revoked },
    "expired key": { "x-api-key": keys.expired },
    "key of an organization that is gone": { "x-api-key": keys.gone },
    "two keys in one header": { "x-api-key": `${alpha.apiKey}, ${alpha.apiKey}` },
    "garbage root key beside a right key": { "x-ca-root-key": `${rootKey}x`, "x-api-key": alpha.apiKey },
    "root key beside a revoked key": { "x-ca-root-key": rootKey, "x-api-key": keys.revoked },
    "key of another organization": { "x-api-key": beta.apiKey },
    "key lacking the scope": { "x-api-key": keys.scopeless },
    "key with exactly the scope": { "x-api-key": exact },
    "key with every scope": { "x-api-key": alpha.apiKey },
    "root key beside a right key": { "x-ca-root-key": rootKey, "x-api-key": alpha.apiKey },
    "root key": { "x-ca-root-key": rootKey },
  };
  const chosen = headers[kind];
  if (chosen === undefined) throw new Error(`nobody says what ${kind} is`);
  return chosen;
}

function verdictOf({ status, body, text }: RawAnswer): string {
  if (status === 401) return "401";
  if (status === 403) return `403 ${String(body["error"])}`;
  return status < 500 ? "in" : `${status} ${text}`;
}

function betasDocuments(): string {
  return world.mirror.digest(isBetas);
}

/** One function for all asks: the digest of an equal choice is known already. */
function isBetas(path: string, body: string): boolean {
  const { beta } = world;
  return [beta.key, beta.orgId].some((id) => path.includes(id) || body.includes(id));
}

/** The keys that a text holds, except where one is handed out. */
function keysIn(text: string): string[] {
  if (text.includes('"api_key":')) return [];
  const all = [rootKey, world.alpha.apiKey, world.beta.apiKey, ...Object.values(keys), ...exactKeys.values()];
  return all.filter((key) => text.includes(key));
}

describe("who is let in, for every endpoint and every kind of credential", () => {
  it.each(cells)("$row with $kind", async ({ endpoint, kind }) => {
    const { declaration } = endpoint;
    const before = world.mirror.digest();

    const path = pathOf(endpoint.template, world.alpha);
    const answer = await send(world.url, { ...harmlessCall(endpoint, path), headers: headersOf(kind, declaration) });

    expect(verdictOf(answer), answer.text).toBe(expectedOf(endpoint, kind));
    if (answer.status === 401 || answer.status === 403) expect(world.mirror.digest()).toBe(before);
    expect(keysIn(answer.text)).toEqual([]);
  });

  it("knows no function without access: it cannot be declared", () => {
    const { access: _access, ...declaration } = newcomer.declaration;

    expect(() => httpFunction(declaration as unknown as Parameters<typeof httpFunction>[0])).toThrow(
      "declare who may call it",
    );
    for (const { declaration: declared } of endpoints) expect(declared.access?.kind).toBeTypeOf("string");
  });

  it("has a row for every endpoint that the host serves, the newcomer included", async () => {
    const { body } = await send(world.url, { method: "GET", path: "/openapi.json" });

    const served = Object.entries(body["paths"] as Record<string, Record<string, unknown>>).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const rows = new Set(cells.map(({ row }) => row));
    expect(served.filter((row) => !rows.has(row))).toEqual([]);
    expect(served).toContain("POST /api/v1/newcomers/{org}/{thing}");
  });

  it("answers the five reasons of 401 alike", async () => {
    const [quota] = endpoints.filter(({ name }) => name === "quota");
    if (quota === undefined) throw new Error("there is no function quota");
    const bodies = new Set<string>();

    for (const kind of invalidKinds) {
      const headers = headersOf(kind, quota.declaration);
      bodies.add(
        withoutIds(await send(world.url, { method: "GET", path: pathOf(quota.template, world.alpha), headers })),
      );
    }

    expect(bodies.size).toBe(1);
  });
});

const orgEndpoints = endpoints.filter(({ template }) => paramsOf(template).includes("org"));
const idEndpoints = orgEndpoints.filter(({ template }) => paramsOf(template).includes("run"));

describe("what one organization learns of another", () => {
  it.each(
    orgEndpoints.map((endpoint) => ({ ...endpoint, row: `${endpoint.declaration.method} ${endpoint.template}` })),
  )("$row answers alike for an organization that exists and one that does not", async (endpoint) => {
    const { alpha, beta } = world;
    const before = betasDocuments();
    const answers: RawAnswer[] = [];

    for (const org of ["beta_org", "BETA_ORG", "nobody_org", "gone_org"]) {
      const call = harmlessCall(endpoint, pathOf(endpoint.template, beta, { org }));
      answers.push(await send(world.url, { ...call, headers: { "x-api-key": alpha.apiKey, "x-request-id": "same" } }));
    }

    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    expect(new Set(answers.map(withoutIds)).size).toBe(1);
    expect(new Set(answers.map(({ headers }) => JSON.stringify({ ...headers, date: "" }))).size).toBe(1);
    expect(betasDocuments()).toBe(before);
  });

  it.each(idEndpoints.map((endpoint) => ({ ...endpoint, row: `${endpoint.declaration.method} ${endpoint.template}` })))(
    "$row answers alike for another organization's id and for none",
    async ({ template, declaration: { method } }) => {
      const { alpha, beta } = world;
      const before = betasDocuments();
      const ids = [beta.runId, "run_01ARZ3NDEKTSV4RRFFQ69G5FAV", `${alpha.runId}%2Fsteps%2F00`, "..%2Fx", "example_1"];

      const answers: RawAnswer[] = [];
      for (const run of ids) {
        const path = pathOf(template, alpha, { run });
        const body = method === "GET" ? {} : { body: "{}" };
        answers.push(await send(world.url, { method, path, ...body, headers: { "x-api-key": alpha.apiKey } }));
      }

      expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 404));
      expect(withoutIds(answers[0] as RawAnswer)).toBe(withoutIds(answers[1] as RawAnswer));
      expect(betasDocuments()).toBe(before);
    },
  );

  it("runs nothing with another organization's credential id", async () => {
    const { alpha, beta } = world;
    const path = pathOf("/api/v1/pipelines/run/{org}/{provider}/{domain}/{pipeline}", alpha);
    const before = world.mirror.digest();

    const answers: RawAnswer[] = [];
    for (const credential_id of [beta.credentialId, "cred_none"]) {
      const body = JSON.stringify({ credential_id });
      answers.push(await send(world.url, { method: "POST", path, body, headers: { "x-api-key": alpha.apiKey } }));
    }

    expect(answers.map(({ status }) => status)).toEqual([404, 404]);
    expect(withoutIds(answers[0] as RawAnswer)).toBe(withoutIds(answers[1] as RawAnswer));
    expect(world.mirror.digest()).toBe(before);
  });

  it("takes no cursor of another organization's list", async () => {
    const { alpha, beta } = world;
    const page = await send(world.url, {
      method: "GET",
      path: `/api/v1/pipelines/${beta.slug}/runs?limit=1`,
      headers: { "x-api-key": beta.apiKey },
    });
    const position = ["2026-12-01T00:00:00.000Z", `orgs/${beta.key}/runs/${beta.runId}`];
    const foreign = page.body["next_cursor"] ?? Buffer.from(JSON.stringify(position)).toString("base64url");

    const answer = await send(world.url, {
      method: "GET",
      path: `/api/v1/pipelines/${alpha.slug}/runs?cursor=${String(foreign)}`,
      headers: { "x-api-key": alpha.apiKey },
    });

    expect(answer.status).toBe(400);
  });

  it("replays no other credential's answer under the same Idempotency-Key", async () => {
    const { alpha, beta } = world;
    const cancel = (tenant: typeof alpha): Promise<RawAnswer> =>
      send(world.url, {
        method: "POST",
        path: pathOf("/api/v1/pipelines/{org}/runs/{run}/cancel", tenant),
        body: "{}",
        headers: { "x-api-key": tenant.apiKey, "idempotency-key": "shared" },
      });

    const first = await cancel(beta);
    const other = await cancel(alpha);
    const again = await cancel(beta);

    expect([first.status, other.status, again.status]).toEqual([200, 200, 200]);
    expect([other.headers["idempotency-replayed"], again.headers["idempotency-replayed"]]).toEqual([undefined, "true"]);
    expect([other.body["run_id"], again.body["run_id"]]).toEqual([alpha.runId, beta.runId]);
  });

  it("shows no byte of another organization's data, whatever is asked", async () => {
    const { alpha, beta } = world;
    const leaks: string[] = [];

    for (const endpoint of endpoints) {
      for (const org of [alpha.slug, beta.slug]) {
        const path = pathOf(endpoint.template, { ...beta, slug: org });
        const answer = await send(world.url, {
          ...harmlessCall(endpoint, path),
          headers: { "x-api-key": alpha.apiKey },
        });
        const seen = `${answer.text} ${JSON.stringify(answer.headers)}`;
        for (const marker of [...beta.markers, beta.slug])
          if (seen.includes(marker)) leaks.push(`${endpoint.declaration.method} ${path}: ${marker}`);
      }
    }

    expect(leaks).toEqual([]);
  });

  it("finds the markers where they belong, so that their absence says something", async () => {
    const { beta } = world;
    let seen = "";

    for (const { template, declaration } of endpoints.filter((each) => each.declaration.method === "GET")) {
      const headers = declaration.access.kind === "root" ? { "x-ca-root-key": rootKey } : { "x-api-key": beta.apiKey };
      seen += (await send(world.url, { method: "GET", path: pathOf(template, beta), headers })).text;
    }

    const found = beta.markers.filter((marker) => seen.includes(marker));
    expect(found).toEqual(expect.arrayContaining([beta.runId, beta.credentialId, beta.apiKey, "beta-marker-notes"]));
  });
});
