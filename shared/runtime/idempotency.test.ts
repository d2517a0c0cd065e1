import { createHash } from "node:crypto";
import { Type } from "@sinclair/typebox";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { apiKeyFingerprint, apiKeyHash, makeApiKey } from "#shared/access/api-key.ts";
import { orgAccess, publicAccess } from "#shared/access/caller.ts";
import type { OrgAccessDocument } from "#shared/access/membership.ts";
import type { ApiKeyDocument } from "#shared/access/verify.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Change, HistoryMessage } from "./change.ts";
import { httpFunction, Reply } from "./declaration.ts";
import { AppError } from "./errors.ts";
import type { IdempotencyRecord } from "./idempotency.ts";
import { historyTopic, type OutboxDocument, outboxShards } from "./outbox.ts";
import { strictObject } from "./schema.ts";
import { runningSubscription, type Served, serveFunctions } from "./served.fixture.ts";

const Counter = strictObject({ count: Type.Integer(), secret: Type.String() });
const Amount = strictObject({
  by: Type.Optional(Type.Number()),
  note: Type.Optional(Type.String()),
  failWith: Type.Optional(Type.String()),
  padding: Type.Optional(Type.Integer()),
});
const answeredSecret = "acme_api_the-secret-of-the-answer";

/** Adds to a counter of the organization: an effect that a test can count. */
function counting(path: string, options: { secretAnswer?: boolean; hold?: () => Promise<void> } = {}) {
  return httpFunction({
    method: "POST",
    path: `/api/v1/${path}/{org}`,
    summary: "Add to the counter",
    access: orgAccess("org:write"),
    uses: ["documents"],
    query: strictObject({ times: Type.Optional(Type.Integer()) }),
    body: Amount,
    response: Counter,
    secretAnswer: options.secretAnswer ?? false,
    audit: { action: "counter.raised", operation: "UPDATE", resourceType: "counter" },
    change: async ({ org, body }, change) => {
      const path = `counters/${org.key}`;
      const stored = await change.get<{ count: number }>(path);
      await options.hold?.();
      if (body.failWith !== undefined) throw new AppError(body.failWith, "as asked");
      const count = (stored.body?.count ?? 0) + (body.by ?? 1);
      change.set(path, { count });
      return { count, secret: answeredSecret + "x".repeat(body.padding ?? 0) };
    },
  });
}

/** Counts although it declines. */
const undecided = httpFunction({
  method: "POST",
  path: "/api/v1/undecided/{org}",
  summary: "Add to the counter and decline",
  access: orgAccess("org:write"),
  uses: ["documents"],
  response: Counter,
  statuses: [200, 409],
  audit: { action: "counter.raised", operation: "UPDATE", resourceType: "counter" },
  change: async ({ org }, change) => new Reply(409, { count: await raised(org.key, change), secret: "" }),
});

const open = httpFunction({
  method: "POST",
  path: "/api/v1/open",
  summary: "Add to everybody's counter",
  access: publicAccess(),
  uses: ["documents"],
  response: Counter,
  audit: { action: "counter.raised", operation: "UPDATE", resourceType: "counter" },
  change: async (_request, change) => ({ count: await raised("public", change), secret: "" }),
});

async function raised(name: string, change: Change): Promise<number> {
  const stored = await change.get<{ count: number }>(`counters/${name}`);
  const count = (stored.body?.count ?? 0) + 1;
  change.set(`counters/${name}`, { count });
  return count;
}

let served: Served;
let keys: { acme: string; acmeSecond: string; other: string };
let loseAnswers = false;
let holding: (() => Promise<void>) | undefined;

/** The store commits, but its answer is lost: what a process that dies right after the commit leaves behind. */
function forgetful(documents: Documents): Documents {
  return {
    ...documents,
    transaction: async (body) => {
      let wrote = false;
      const result = await documents.transaction((tx) =>
        body({
          ...tx,
          set: (path, value) => {
            wrote ||= path.startsWith("counters/");
            tx.set(path, value);
          },
        }),
      );
      if (loseAnswers && wrote) throw new AppError("DOCUMENTS_UNAVAILABLE", "the answer is lost", { retryable: true });
      return result;
    },
  };
}

beforeEach(async () => {
  loseAnswers = false;
  holding = undefined;
  const functions = {
    plain: counting("plain"),
    secret: counting("secret", { secretAnswer: true }),
    held: counting("held", { hold: async () => holding?.() }),
    undecided,
    open,
  };
  served = await serveFunctions(functions, { RATE_LIMIT_ENABLED: "false" }, forgetful);
  keys = { acme: await newKey("acme"), acmeSecond: await newKey("acme"), other: await newKey("other") };
});

afterEach(() => served.stop());

async function newKey(org: string): Promise<string> {
  const apiKey = makeApiKey(org);
  await served.documents.transaction(async (tx) => {
    await tx.getAll([`orgs/${org}`, `orgs/${org}/subscription/current`]);
    tx.set(`orgs/${org}/subscription/current`, runningSubscription());
    tx.set<OrgAccessDocument>(`orgs/${org}`, { slug: org, orgId: `org_${org}`, state: "ACTIVE" });
    tx.create<ApiKeyDocument>(`apiKeys/${apiKeyHash(apiKey)}`, {
      org,
      keyId: `key_${apiKey.slice(-10)}`,
      name: "test",
      fingerprint: apiKeyFingerprint(apiKey),
      scopes: ["*"],
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

interface Asked {
  path?: string;
  org?: string;
  apiKey?: string;
  key?: string;
  body?: string;
}

interface Answered {
  status: number;
  text: string;
  error: unknown;
  replayed: string | null;
  retryAfter: string | null;
}

async function post(asked: Asked = {}): Promise<Answered> {
  const { path = "plain", org = "acme", apiKey = keys.acme, key = "k1", body = "{}" } = asked;
  const response = await fetch(`${served.url}/api/v1/${path}/${org}`, {
    method: "POST",
    headers: { "x-api-key": apiKey, "idempotency-key": key },
    body,
  });
  const text = await response.text();
  const { headers, status } = response;
  const parsed = JSON.parse(text) as { error?: string };
  const [replayed, retryAfter] = ["idempotency-replayed", "retry-after"].map((name) => headers.get(name));
  return { status, text, error: parsed.error, replayed: replayed ?? null, retryAfter: retryAfter ?? null };
}

/** Rows of a table that are on their way to the history. */
async function historyRows(table: string): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for (let shard = 0; shard < outboxShards; shard++) {
    const { documents } = await served.documents.list<OutboxDocument>({
      collection: "outbox",
      filters: [
        { field: "shard", is: "==", value: shard },
        { field: "state", is: "==", value: "PENDING" },
        { field: "nextAttemptAt", is: "<=", value: "2030-01-01T00:00:00.000Z" },
      ],
      orderBy: [{ field: "nextAttemptAt", direction: "asc" }],
      limit: 500,
    });
    for (const { body } of documents) {
      const message = body.payload as HistoryMessage;
      if (body.topic === historyTopic && message.table === table) found.push(...message.rows);
    }
  }
  return found;
}

async function count(org = "acme"): Promise<number> {
  return (await served.documents.get<{ count: number }>(`counters/${org}`)).body?.count ?? 0;
}

/** Where the record of acme's first key lies for the key `k1`. */
function recordPath(path: string): string {
  const parts = [`key_${keys.acme.slice(-10)}`, "POST", `/api/v1/${path}/acme`, "k1"];
  return `idempotency/${createHash("sha256").update(JSON.stringify(parts), "utf8").digest("hex")}`;
}

/** Leaves the record as a process left it that died before its transaction. */
async function leaveRunning(path: string): Promise<void> {
  await served.documents.transaction(async (tx) => {
    const { body, readAt } = await tx.get<IdempotencyRecord>(recordPath(path));
    if (body === undefined) throw new Error("there is no record");
    const leaseUntil = new Date(readAt.getTime() + 120_000).toISOString();
    tx.set<IdempotencyRecord>(recordPath(path), { ...body, state: "running", leaseUntil, holder: "use_of_the_dead" });
  });
}

describe("Idempotency-Key (organizations.md 10)", () => {
  it("gives 100 parallel calls with one key one effect; the others replay it or are told that it runs", async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => post()));

    const done = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(await count()).toBe(1);
    expect(done.filter(({ replayed }) => replayed === null)).toHaveLength(1);
    expect(new Set(done.map(({ text }) => text)).size).toBe(1);
    for (const { status, error, retryAfter } of refused)
      expect([status, error, retryAfter]).toEqual([409, "IDEMPOTENCY_IN_PROGRESS", "1"]);
    expect(await post()).toMatchObject({ status: 200, replayed: "true", text: done[0]?.text });
  });

  it("answers 409 while the first call is at work", async () => {
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    let entered = (): void => {};
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    holding = async () => {
      entered();
      await gate;
    };

    const first = post({ path: "held" });
    await inside;
    // The store in memory runs one transaction at a time, so the second call waits for it and then finds the record.
    const second = post({ path: "held" });
    open();

    expect((await first).status).toBe(200);
    expect([200, 409]).toContain((await second).status);
    expect(await count()).toBe(1);
  });

  it("refuses the same key with another body, however it is written differently", async () => {
    await post({ body: '{"by":2,"note":"a"}' });

    const sameMeaning = await post({ body: ' {"note":"a",\n"by":2} ' });
    const others = await Promise.all(
      ['{"by":3,"note":"a"}', '{"by":2.0,"note":"a"}', '{"by":2}', "{}", ""].map((body) => post({ body })),
    );

    expect(sameMeaning).toMatchObject({ status: 200, replayed: "true" });
    for (const { status, error } of others) expect([status, error]).toEqual([422, "IDEMPOTENCY_KEY_REUSED"]);
    expect(await count()).toBe(2);
  });

  it("takes the query for a part of what is asked", async () => {
    const url = (times: number) => `${served.url}/api/v1/plain/acme?times=${times}`;
    const headers = { "x-api-key": keys.acme, "idempotency-key": "k1" };

    const statuses: number[] = [];
    for (const times of [1, 1, 2])
      statuses.push((await fetch(url(times), { method: "POST", headers, body: "{}" })).status);

    expect(statuses).toEqual([200, 200, 422]);
    expect(await count()).toBe(1);
  });

  it("keeps credentials, organizations and endpoints apart", async () => {
    await post();

    const answers = [
      await post({ apiKey: keys.acmeSecond }),
      await post({ apiKey: keys.other, org: "other" }),
      await post({ path: "secret" }),
      await post({ key: "k2" }),
    ];

    for (const answer of answers) expect(answer).toMatchObject({ status: 200, replayed: null });
    expect([await count("acme"), await count("other")]).toEqual([4, 1]);
  });

  it("takes the key for a new one 24 hours after completion, also while the store still holds the record", async () => {
    await post();

    served.clock.advance(24 * 3_600_000 - 1);
    const before = await post({ body: '{"by":1}' });
    served.clock.advance(1);
    const after = await post({ body: '{"by":1}' });

    expect(before).toMatchObject({ status: 422 });
    expect(after).toMatchObject({ status: 200, replayed: null });
    expect(await count()).toBe(2);
  });

  it.each([
    ["an expected failure", "VERSION_CONFLICT", 409],
    ["a dependency that is down", "PROVIDER_UNAVAILABLE", 503],
    ["a fault of our own", "NO_SUCH_CODE", 500],
  ])("frees the key after %s", async (_what, failWith, status) => {
    const failed = await post({ body: JSON.stringify({ failWith }) });
    const next = await post();

    expect(failed.status).toBe(status);
    expect(next).toMatchObject({ status: 200, replayed: null });
    expect(await count()).toBe(1);
  });

  it("replays when the process died between the effect and its answer", async () => {
    loseAnswers = true;
    const lost = await post();
    loseAnswers = false;
    const again = await post();

    expect(lost.status).toBe(503);
    expect(again).toMatchObject({ status: 200, replayed: "true" });
    expect(await count()).toBe(1);
  });

  it("goes on after a crash before the effect once the lease of 120 s has run out", async () => {
    await post();
    await leaveRunning("plain");

    const early = await post();
    served.clock.advance(120_000);
    const late = await post();

    expect(early).toMatchObject({ status: 409, error: "IDEMPOTENCY_IN_PROGRESS" });
    expect(late).toMatchObject({ status: 200, replayed: null });
  });

  it("stores an answer with a secret sealed: no byte of it, of the key or of the body in plain", async () => {
    const first = await post({ path: "secret", body: '{"note":"a note nobody else may read"}' });
    const stored = JSON.stringify((await served.documents.get(recordPath("secret"))).body);
    const again = await post({ path: "secret", body: '{"note":"a note nobody else may read"}' });

    expect(stored).toContain('"sealedBody":"');
    for (const secret of [answeredSecret, keys.acme, "a note nobody else may read"]) {
      for (const form of [
        secret,
        Buffer.from(secret).toString("base64").slice(0, -4),
        Buffer.from(secret).toString("hex"),
      ])
        expect(stored).not.toContain(form);
    }
    expect(again).toMatchObject({ status: 200, replayed: "true", text: first.text });
  });

  it("stores no answer that is no success: the key is free again", async () => {
    const answers = [await post({ path: "undecided" }), await post({ path: "undecided" })];

    expect(answers.map(({ status, replayed }) => [status, replayed])).toEqual([
      [409, null],
      [409, null],
    ]);
    expect(await count()).toBe(2);
  });

  it("leaves one history row of each use, without key, body or answer", async () => {
    const body = '{"note":"a note nobody else may read"}';
    for (let call = 0; call < 3; call++) await post({ path: "secret", key: "the-key-itself", body });

    const rows = await historyRows("org_idempotency_keys");

    expect(rows).toEqual([
      expect.objectContaining({
        idempotency_key: expect.stringMatching(/^[0-9a-f]{64}$/),
        org_slug: "acme",
        function: "secret",
        request_fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
        response_status: 200,
        expires_at: "2026-08-11T12:00:00.000Z",
      }),
    ]);
    for (const secret of ["the-key-itself", "a note nobody", answeredSecret, keys.acme])
      expect(JSON.stringify(rows)).not.toContain(secret);
  });

  it("means nothing to a public function: it works each time", async () => {
    const ask = () =>
      fetch(`${served.url}/api/v1/open`, { method: "POST", headers: { "idempotency-key": "k1" }, body: "{}" });

    const answers = [await ask(), await ask()];

    expect(answers.map(({ status, headers }) => [status, headers.get("idempotency-replayed")])).toEqual([
      [200, null],
      [200, null],
    ]);
    expect(await count("public")).toBe(2);
  });

  it("stores no answer above 64 KiB: the key is free again", async () => {
    const body = JSON.stringify({ padding: 65_536 });

    const answers = [await post({ body }), await post({ body })];

    expect(answers.map(({ replayed }) => replayed)).toEqual([null, null]);
    expect(await count()).toBe(2);
  });

  it.each(["", "\u00e9", "x".repeat(256), "tab\there"])("refuses the key %j", async (key) => {
    expect(await post({ key })).toMatchObject({ status: 422, error: "IDEMPOTENCY_KEY_INVALID" });
    expect(await count()).toBe(0);
  });

  it.each([
    ["the same member twice", '{"by":1,"by":2}'],
    ["a byte order mark", '\ufeff{"by":2}'],
    ["a huge exponent", '{"by":2e0}'],
    ["members named like machinery", '{"by":2,"note":"__proto__"}'],
  ])("has an answer for a body with %s", async (_what, body) => {
    const answers = [await post({ body }), await post({ body })];

    expect(answers.map(({ status, replayed }) => [status, replayed])).toEqual([
      [200, null],
      [200, "true"],
    ]);
    expect(await count()).toBe(2);
  });
});
