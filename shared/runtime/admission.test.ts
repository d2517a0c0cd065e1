import { Type } from "@sinclair/typebox";
import { afterEach, describe, expect, it } from "vitest";
import { apiKeyHash, makeApiKey } from "#shared/access/api-key.ts";
import { orgAccess, publicAccess, rootAccess } from "#shared/access/caller.ts";
import type { ApiKeyDocument } from "#shared/access/verify.ts";
import type { SubscriptionDocument } from "#shared/plans/subscription.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { AuditDocument } from "./audit-row.ts";
import { httpFunction } from "./declaration.ts";
import { type Denial, recordDenial } from "./denial.ts";
import { AppError } from "./errors.ts";
import { strictObject } from "./schema.ts";
import { rootKey, runningSubscription, type Served, serveFunctions } from "./served.fixture.ts";

const Answer = strictObject({ ok: Type.Boolean() });
const ok = async (): Promise<{ ok: boolean }> => ({ ok: true });
const base = { summary: "x", uses: [] as const, response: Answer };
const audit = { action: "thing.made", operation: "CREATE" as const, resourceType: "thing" };
const Mail = strictObject({ email: Type.String() });

const functions = {
  read: httpFunction({ ...base, method: "GET", path: "/{org}/read", access: readAccess(), handle: ok }),
  write: httpFunction({ ...base, method: "POST", path: "/{org}/write", access: writeAccess(), audit, change: ok }),
  query: httpFunction({ ...base, method: "POST", path: "/{org}/query", access: readAccess(), handle: ok }),
  pay: httpFunction({
    ...base,
    method: "POST",
    path: "/{org}/pay",
    access: writeAccess(),
    subscription: "any",
    audit,
    change: ok,
  }),
  hourly: httpFunction({
    ...base,
    method: "POST",
    path: "/{org}/hourly",
    access: writeAccess(),
    limits: [
      { name: "invites", per: "organization", times: 2, windowSeconds: 3600 },
      { name: "invites", per: "organization", times: 3, windowSeconds: 86_400 },
    ],
    audit,
    change: ok,
  }),
  hourlyTwin: httpFunction({
    ...base,
    method: "POST",
    path: "/{org}/hourly-twin",
    access: writeAccess(),
    limits: [{ name: "invites", per: "organization", times: 2, windowSeconds: 3600 }],
    audit,
    change: ok,
  }),
  link: httpFunction({
    ...base,
    method: "POST",
    path: "/link",
    access: publicAccess(),
    body: Mail,
    limits: [
      { per: "address", times: 4, windowSeconds: 600 },
      { per: (body) => body.email.toLowerCase(), times: 2, windowSeconds: 3600 },
    ],
    handle: ok,
  }),
  operate: httpFunction({ ...base, method: "GET", path: "/operate", access: rootAccess(), handle: ok }),
};

function readAccess() {
  return orgAccess("costs:read", { root: true });
}

function writeAccess() {
  return orgAccess("costs:write", { root: true });
}

let served: Served;
let isStoreDown = false;

afterEach(async () => {
  isStoreDown = false;
  await served.stop();
});

function failing(documents: Documents): Documents {
  return {
    ...documents,
    transaction: (body) =>
      isStoreDown ? Promise.reject(new AppError("DOCUMENTS_UNAVAILABLE", "down")) : documents.transaction(body),
  };
}

async function start(settings: Record<string, string> = {}): Promise<void> {
  served = await serveFunctions(functions, { TRUSTED_PROXY_HOPS: "1", ...settings }, failing);
}

/** A key of the organization, whose subscription is as said. */
async function newKey(subscription: Partial<SubscriptionDocument> | null = {}, scopes = ["*"], org = "acme") {
  const apiKey = makeApiKey(org);
  const path = `orgs/${org}/subscription/current`;
  await served.documents.transaction(async (tx) => {
    await tx.getAll([`orgs/${org}`, path]);
    tx.set(`orgs/${org}`, { slug: org, orgId: `org_${org}`, state: "ACTIVE" });
    if (subscription !== null) tx.set(path, runningSubscription(subscription));
    tx.create<ApiKeyDocument>(`apiKeys/${apiKeyHash(apiKey)}`, {
      org,
      keyId: `key_${apiKey.slice(-10)}`,
      name: "test",
      fingerprint: apiKey.slice(-4),
      scopes,
      primary: false,
      state: "ACTIVE",
      expiresAt: null,
      revokedAt: null,
      lastUsedAt: null,
      rotatedFrom: null,
    });
  });
  return apiKey;
}

async function subscribe(change: Partial<SubscriptionDocument>): Promise<void> {
  const path = "orgs/acme/subscription/current";
  await served.documents.transaction(async (tx) => {
    await tx.get(path);
    tx.set(path, runningSubscription(change));
  });
}

interface Told {
  status: number;
  error: unknown;
  message: string;
  headers: Headers;
}

async function ask(path: string, apiKey?: string, more: RequestInit & { from?: string } = {}): Promise<Told> {
  const { from, ...init } = more;
  const credential: Record<string, string> =
    apiKey === undefined ? {} : apiKey === rootKey ? { "x-ca-root-key": apiKey } : { "x-api-key": apiKey };
  const headers = { ...credential, ...(from === undefined ? {} : { "x-forwarded-for": from }) };
  const method = path === "/acme/read" || path === "/operate" || path === "/other/read" ? "GET" : "POST";
  const response = await fetch(served.url + path, { method, ...init, headers });
  const body = (await response.json()) as { error?: string; message?: string };
  return { status: response.status, error: body.error, message: body.message ?? "", headers: response.headers };
}

describe("the subscription gate (organizations.md 5)", () => {
  const past = "2026-08-01T00:00:00.000Z";
  it.each<[string, Partial<SubscriptionDocument> | null, [read: number, write: number, query: number, pay: number]]>([
    ["ACTIVE", {}, [200, 200, 200, 200]],
    ["TRIAL", { status: "TRIAL", trialEndsAt: "2026-08-20T00:00:00.000Z" }, [200, 200, 200, 200]],
    ["SUSPENDED, for less than 30 days", { status: "SUSPENDED", graceEndsAt: past }, [200, 403, 403, 200]],
    ["CANCELLED, reading ended", { status: "CANCELLED", readOnlyUntil: past }, [403, 403, 403, 200]],
    ["EXPIRED 31 days ago", { endDate: "2026-07-10" }, [403, 403, 403, 200]],
    ["EXPIRED yesterday", { endDate: "2026-08-09" }, [200, 403, 403, 200]],
    ["on hold", { hold: true }, [200, 403, 403, 200]],
    ["of a status that nobody knows", { status: "GOLDEN" as "ACTIVE" }, [200, 403, 403, 200]],
    ["missing", null, [200, 403, 403, 200]],
  ])("%s", async (_what, subscription, expected) => {
    await start();
    const apiKey = await newKey(subscription);

    const answers = [];
    for (const path of ["read", "write", "query", "pay"]) answers.push(await ask(`/acme/${path}`, apiKey));
    const operators = await ask("/acme/write", rootKey);

    expect(answers.map(({ status }) => status)).toEqual(expected);
    for (const { status, error } of answers) if (status === 403) expect(error).toBe("SUBSCRIPTION_INACTIVE");
    expect(operators.status).toBe(200);
  });

  it("names the status and the way out", async () => {
    await start();
    const apiKey = await newKey({ status: "SUSPENDED", graceEndsAt: "2026-08-01T00:00:00.000Z" });

    const { message } = await ask("/acme/write", apiKey);

    expect(message).toBe(
      "The subscription is SUSPENDED: settle what is open under billing, or ask the platform's operator. " +
        "Reading goes on until 2026-08-31T00:00:00.000Z.",
    );
  });

  it("opens at once when the subscription is repaired, and closes at the millisecond where time closes it", async () => {
    await start();
    const apiKey = await newKey({ status: "SUSPENDED" });
    const before = (await ask("/acme/write", apiKey)).status;
    await subscribe({ endDate: "2026-08-10" });
    const repaired = (await ask("/acme/write", apiKey)).status;
    served.clock.advance(12 * 3_600_000 - 1);
    const last = (await ask("/acme/write", apiKey)).status;
    served.clock.advance(1);

    expect([before, repaired, last, (await ask("/acme/write", apiKey)).status]).toEqual([403, 200, 200, 403]);
  });
});

describe("the plan's requests per minute", () => {
  it("are the plan's, for all keys of the organization together", async () => {
    await start();
    const keys = [await newKey({ plan: "FREE" }), await newKey({ plan: "FREE" })];
    const other = await newKey({ plan: "STARTER" }, ["*"], "other");

    const told: Told[] = [];
    for (let call = 0; call < 102; call++) told.push(await ask("/acme/read", keys[call % 2]));
    const elsewhere = await ask("/other/read", other);

    expect(told.filter(({ status }) => status === 200)).toHaveLength(100);
    expect(told.slice(100).map(({ status, error }) => `${status} ${error}`)).toEqual([
      "429 RATE_LIMITED",
      "429 RATE_LIMITED",
    ]);
    expect(told[0]?.headers.get("ratelimit-limit")).toBe("100");
    expect(told[101]?.headers.get("retry-after")).toBe("60");
    expect([elsewhere.status, elsewhere.headers.get("ratelimit-limit")]).toEqual([200, "300"]);
    served.clock.advance(60_000);
    expect((await ask("/acme/read", keys[0])).status).toBe(200);
  });

  it("admit while the store is down, and exact limits refuse", async () => {
    await start();
    const apiKey = await newKey();
    await ask("/acme/read", apiKey);
    await ask("/acme/hourly", apiKey);
    isStoreDown = true;
    served.clock.advance(61_000);

    const [approximate, exact] = [await ask("/acme/read", apiKey), await ask("/acme/hourly", apiKey)];

    expect([approximate.status, exact.status, exact.error]).toEqual([200, 503, "DOCUMENTS_UNAVAILABLE"]);
  });
});

describe("exact limits over longer windows", () => {
  it("hold per organization and hour, and per day over the hours, shared by the functions that name them alike", async () => {
    await start();
    const apiKey = await newKey();
    const other = await newKey({}, ["*"], "other");
    const call = async (path = "/acme/hourly", key = apiKey) => (await ask(path, key)).status;

    const first = [await call(), await call("/acme/hourly-twin"), await call()];
    const elsewhere = await call("/other/hourly", other);
    served.clock.advance(3_600_000);
    const second = [await call(), await call()];
    served.clock.advance(3_600_000);
    const third = [await call(), await call()];
    served.clock.advance(24 * 3_600_000);

    // The day's limit of 3 counts the calls of `hourly` alone: 1, then 2 of the second hour.
    expect([first, elsewhere, second, third]).toEqual([[200, 200, 429], 200, [200, 200], [429, 429]]);
    expect(await call()).toBe(200);
  });

  it("tell how long it takes: to the end of the longest window that is used up", async () => {
    await start();
    const apiKey = await newKey();
    for (let hour = 0; hour < 2; hour++) {
      await ask("/acme/hourly", apiKey);
      await ask("/acme/hourly", apiKey);
      served.clock.advance(3_600_000);
    }

    const refused = await ask("/acme/hourly", apiKey);

    expect(refused.headers.get("retry-after")).toBe(String(10 * 3600));
  });

  it("hold per address and per e-mail for callers without a credential, whatever they claim", async () => {
    await start();
    const link = async (email: string, from: string) =>
      (await ask("/link", undefined, { body: JSON.stringify({ email }), from })).status;

    const sameMail = [await link("a@b.c", "1.1.1.1"), await link("A@B.C", "1.1.1.2"), await link("a@b.c", "1.1.1.3")];
    const sameAddress = [];
    for (const email of ["1", "2", "3", "4", "5"])
      sameAddress.push(await link(email, `${email}.9.9.9, 2001:db8::${email}`));
    const neighbour = await link("6", "2001:db8:0:1::1");

    expect(sameMail).toEqual([200, 200, 429]);
    expect(sameAddress).toEqual([200, 200, 200, 200, 429]);
    expect(neighbour).toBe(200);
  });

  it("count no body that is not valid by what stands in it", async () => {
    await start();

    const answers = [];
    for (const email of [1, null, {}]) {
      const body = JSON.stringify({ email });
      answers.push((await ask("/link", undefined, { body, from: "2.2.2.2" })).status);
    }

    expect(answers).toEqual([422, 422, 422]);
  });
});

describe("a refusal of a known credential (organizations.md 9)", () => {
  async function denied(collection: string): Promise<AuditDocument[]> {
    const page = await served.documents.list<AuditDocument>({
      collection,
      filters: [
        { field: "status", is: "==", value: "DENIED" },
        { field: "createdAt", is: ">=", value: "2026-01-01T00:00:00.000Z" },
      ],
      orderBy: [{ field: "createdAt", direction: "desc" }],
      limit: 50,
    });
    return page.documents.map(({ body }) => body);
  }

  it("leaves one DENIED row per credential, function and minute, beside the request", async () => {
    await start();
    const [one, other] = [await newKey({}, ["costs:read"]), await newKey({}, [])];

    const answers = await Promise.all(Array.from({ length: 20 }, () => ask("/acme/write", one)));
    await ask("/acme/read", other);
    await ask("/acme/write", other);
    const first = await denied("orgs/acme/audit");
    served.clock.advance(60_000);
    await ask("/acme/write", one);

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([403]));
    expect(first.map(({ apiKeyId, resourceId }) => `${apiKeyId} ${resourceId}`).sort()).toEqual(
      [`key_${one.slice(-10)} write`, `key_${other.slice(-10)} read`, `key_${other.slice(-10)} write`].sort(),
    );
    expect(first[0]).toMatchObject({ action: "access.denied", details: { code: "FORBIDDEN" }, status: "DENIED" });
    expect(await denied("orgs/acme/audit")).toHaveLength(4);
  });

  it("leaves one row however many instances refuse it", async () => {
    await start();
    const acme = { slug: "acme", key: "acme", orgId: "org_acme" };
    const denial: Denial = {
      functionName: "write",
      declaration: functions.write.declaration,
      caller: { kind: "key", credentialId: "key_1", keyId: "key_1", org: acme, scopes: [] },
      org: acme,
      code: "FORBIDDEN",
      message: "no",
      client: {
        address: "1.1.1.1",
        userAgent: null,
        bearer: undefined,
        cookie: undefined,
        isForeign: false,
        isPlainLoopback: false,
      },
      requestId: "req_1",
    };

    // Each instance has its own view of the store.
    for (let instance = 0; instance < 4; instance++)
      await recordDenial(denial, { ...served.given, documents: { ...served.documents } });

    expect(await denied("orgs/acme/audit")).toHaveLength(1);
  });

  it("is recorded with the credential's own organization and says nothing of the other one", async () => {
    await start();
    const apiKey = await newKey();
    await newKey({}, ["*"], "other");

    expect((await ask("/other/read", apiKey)).error).toBe("ORG_MISMATCH");

    const [row] = await denied("orgs/acme/audit");
    expect(row).toMatchObject({ details: { code: "ORG_MISMATCH" } });
    expect(JSON.stringify(row)).not.toContain("other");
    expect(await denied("orgs/other/audit")).toEqual([]);
  });

  it("is no row for a credential that nobody knows, and the answer stands when the row cannot be written", async () => {
    await start();
    const apiKey = await newKey();
    await ask("/acme/read", apiKey);

    expect((await ask("/acme/read", makeApiKey("acme"))).status).toBe(401);
    isStoreDown = true;
    expect((await ask("/operate", apiKey)).status).toBe(403);
    isStoreDown = false;

    expect(await denied("orgs/acme/audit")).toEqual([]);
    expect(await denied("platformAudit")).toEqual([]);
  });
});
