import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { memoryDocuments, movableClock } from "#shared/runtime/served.fixture.ts";
import { apiKeyHash, makeApiKey } from "./api-key.ts";
import { orgAccess, publicAccess, rootAccess } from "./caller.ts";
import type { OrgAccessDocument } from "./membership.ts";
import type { Scope } from "./scopes.ts";
import { type ApiKeyDocument, authorize, type Verification, verifyCaller } from "./verify.ts";

const rootKey = "root-key-of-the-access-tests-0123456789";
const clock = movableClock();
let documents: Documents;
let by: Verification;

beforeEach(() => {
  documents = memoryDocuments(clock);
  by = { documents, clock, rootKey, isDevelopment: false };
});

afterEach(() => documents.close());

async function newKey(change: Partial<ApiKeyDocument> = {}, state = "ACTIVE"): Promise<string> {
  const apiKey = makeApiKey("acme");
  await documents.transaction(async (tx) => {
    await tx.get("orgs/acme");
    tx.set<OrgAccessDocument>("orgs/acme", { slug: "Acme", orgId: "org_1", state });
    tx.create<ApiKeyDocument>(`apiKeys/${apiKeyHash(apiKey)}`, {
      org: "acme",
      keyId: "key_1",
      name: "test",
      fingerprint: apiKey.slice(-4),
      scopes: ["costs:read"],
      primary: false,
      state: "ACTIVE",
      expiresAt: null,
      revokedAt: null,
      lastUsedAt: null,
      rotatedFrom: null,
      ...change,
    });
  });
  return apiKey;
}

async function write(path: string, change: object): Promise<void> {
  await documents.transaction(async (tx) => {
    const { body } = await tx.get<object>(path);
    tx.set(path, { ...body, ...change });
  });
}

const costs = orgAccess("costs:read");

async function verdict(apiKey: string | undefined, root?: string): Promise<string> {
  return verifyCaller({ apiKey, rootKey: root }, costs, by).then(
    (caller) => caller.kind,
    (error: { code: string }) => error.code,
  );
}

describe("a credential", () => {
  it("of an organization names it as stored, with its scopes", async () => {
    const apiKey = await newKey();

    expect(await verifyCaller({ apiKey, rootKey: undefined }, costs, by)).toEqual({
      kind: "key",
      credentialId: "key_1",
      keyId: "key_1",
      org: { slug: "Acme", key: "acme", orgId: "org_1" },
      scopes: ["costs:read"],
    });
  });

  it("of two must be valid each, and the organization's decides", async () => {
    const apiKey = await newKey();

    const verdicts = [await verdict(apiKey, rootKey), await verdict(apiKey, "wrong"), await verdict("wrong", rootKey)];

    expect(verdicts).toEqual(["key", "UNAUTHENTICATED", "UNAUTHENTICATED"]);
  });

  it.each([undefined, "", rootKey.slice(1), `${rootKey} `, rootKey.toUpperCase()])(
    "%s is not the root key",
    async (wrong) => {
      expect(await verdict(undefined, wrong)).toBe("UNAUTHENTICATED");
    },
  );

  it("is nobody's where the installation has no root key", async () => {
    by = { ...by, rootKey: undefined };

    expect([await verdict(undefined, ""), await verdict(undefined, "undefined")]).toEqual([
      "UNAUTHENTICATED",
      "UNAUTHENTICATED",
    ]);
  });

  it.each([
    ["revoked", { state: "REVOKED" as const }, "ACTIVE"],
    ["expired", { expiresAt: "2026-08-10T12:00:00.000Z" }, "ACTIVE"],
    ["of an organization being made", {}, "PROVISIONING"],
    ["of a deleted organization", {}, "DELETED"],
  ])("that is %s is refused at its first use", async (_what, change, state) => {
    expect(await verdict(await newKey(change, state))).toBe("UNAUTHENTICATED");
  });

  it("that is being rotated still works", async () => {
    expect(await verdict(await newKey({ state: "ROTATING", expiresAt: "2026-08-10T12:00:00.001Z" }))).toBe("key");
  });

  it("that is known already is refused within 10 s of its revocation", async () => {
    const apiKey = await newKey();
    expect(await verdict(apiKey)).toBe("key");

    await write(`apiKeys/${apiKeyHash(apiKey)}`, { state: "REVOKED" });
    const revokedAt = performance.now();
    await expect.poll(() => verdict(apiKey), { timeout: 12_000, interval: 100 }).toBe("UNAUTHENTICATED");

    expect(performance.now() - revokedAt).toBeLessThan(10_500);
  });

  it("lets nobody in while the store does not answer", async () => {
    const apiKey = await newKey();
    const get: Documents["get"] = () =>
      Promise.reject(new AppError("DOCUMENTS_UNAVAILABLE", "down", { retryable: true }));
    by = { ...by, documents: { ...documents, get } };

    expect(await verdict(apiKey)).toBe("DOCUMENTS_UNAVAILABLE");
  });

  it("is looked up once in 10 s", async () => {
    const apiKey = await newKey();
    let reads = 0;
    const get: Documents["get"] = (path) => {
      reads++;
      return documents.get(path);
    };
    by = { ...by, documents: { ...documents, get } };

    for (let use = 0; use < 50; use++) await verdict(apiKey);

    expect(reads).toBe(2);
  });
});

describe("what a caller may do", () => {
  const holder = (scopes: string[]) => ({
    kind: "key" as const,
    credentialId: "key_1",
    keyId: "key_1",
    org: { slug: "Acme", key: "acme", orgId: "org_1" },
    scopes,
  });
  const may = (scopes: string[], scope: Scope): boolean => {
    try {
      authorize(holder(scopes), orgAccess(scope));
      return true;
    } catch {
      return false;
    }
  };

  it.each<[string[], Scope, boolean]>([
    [["costs:read"], "costs:read", true],
    [["costs:read"], "costs:write", false],
    [["costs:write"], "costs:read", false],
    [["cost:read", "costs", "costs:*", "COSTS:READ", " costs:read"], "costs:read", false],
    [["*"], "keys:write", true],
    [["*"], "billing:write", false],
    [["*"], "data:delete", false],
    [["*"], "org:delete", false],
    [["*"], "ownership:transfer", false],
    [["pipelines:write"], "pipelines:run", true],
    [["pipelines:execute"], "pipelines:run", true],
    [["credentials:read"], "integrations:read", true],
    [["credentials:read"], "integrations:write", false],
    [["__proto__", "constructor"], "costs:read", false],
    [[], "costs:read", false],
  ])("scopes %j allow %s: %s", (scopes, scope, isAllowed) => {
    expect(may(scopes, scope)).toBe(isAllowed);
  });

  it("the operator acts on an organization only where a function says so, and an organization never as operator", () => {
    const root = { kind: "root" as const, credentialId: "root" as const };
    const nobody = { kind: "public" as const, credentialId: "public" as const };

    expect(() => authorize(root, orgAccess("costs:read"))).toThrow("credential of the organization");
    expect(() => authorize(root, orgAccess("costs:read", { root: true }))).not.toThrow();
    expect(() => authorize(holder(["*"]), rootAccess())).toThrow("operator");
    expect(() => authorize(nobody, rootAccess())).toThrow("operator");
    expect(() => authorize(nobody, costs)).toThrow("credential of the organization");
    expect(() => authorize(nobody, publicAccess())).not.toThrow();
  });
});
