import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type MovableClock, memoryDocuments, movableClock } from "#shared/runtime/served.fixture.ts";
import { apiKeyHash, makeApiKey } from "./api-key.ts";
import { noteKeyUse } from "./key-use.ts";
import type { ApiKeyDocument } from "./verify.ts";

const apiKey = makeApiKey("acme");
const path = `apiKeys/${apiKeyHash(apiKey)}`;
let clock: MovableClock;
let documents: Documents;
let transactions: number;

beforeEach(async () => {
  clock = movableClock();
  const inner = memoryDocuments(clock);
  await inner.transaction(async (tx) => {
    tx.create<ApiKeyDocument>(path, {
      org: "acme",
      keyId: "key_1",
      name: "test",
      fingerprint: apiKey.slice(-4),
      scopes: ["*"],
      primary: true,
      state: "ACTIVE",
      expiresAt: null,
      revokedAt: null,
      lastUsedAt: null,
      rotatedFrom: null,
    });
  });
  transactions = 0;
  documents = process(inner);
});

afterEach(() => documents.close());

/** The same store as another process sees it. */
function process(inner: Documents): Documents {
  return {
    ...inner,
    transaction: (body) => {
      transactions++;
      return inner.transaction(body);
    },
  };
}

async function key(): Promise<{ lastUsedAt: string | null | undefined; version: number }> {
  const { body, version } = await documents.get<ApiKeyDocument>(path);
  return { lastUsedAt: body?.lastUsedAt, version };
}

describe("when a key was last used", () => {
  it("is kept at most once a minute, without as much as a look in between", async () => {
    for (let use = 0; use < 50; use++) await noteKeyUse(apiKey, { documents, clock });
    const first = await key();
    clock.advance(59_999);
    await noteKeyUse(apiKey, { documents, clock });
    const looks = transactions;
    clock.advance(1);
    await noteKeyUse(apiKey, { documents, clock });

    expect(first).toEqual({ lastUsedAt: "2026-08-10T12:00:00.000Z", version: 2 });
    expect([looks, transactions]).toEqual([1, 2]);
    expect(await key()).toEqual({ lastUsedAt: "2026-08-10T12:01:00.000Z", version: 3 });
  });

  it("is written once a minute by however many processes", async () => {
    const processes = Array.from({ length: 4 }, () => process(documents));

    for (const each of processes) await noteKeyUse(apiKey, { documents: each, clock });

    expect((await key()).version).toBe(2);
  });

  it("never brings a revoked key back", async () => {
    await documents.transaction(async (tx) => {
      const { body } = await tx.get<ApiKeyDocument>(path);
      tx.set(path, { ...body, state: "REVOKED" });
    });

    await noteKeyUse(apiKey, { documents, clock });

    expect((await documents.get<ApiKeyDocument>(path)).body).toMatchObject({ state: "REVOKED", lastUsedAt: null });
  });
});
