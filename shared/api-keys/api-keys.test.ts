import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Caller, orgAccess } from "#shared/access/caller.ts";
import { roleScopes } from "#shared/access/role-scopes.ts";
import { allScopes, isForPeople, keyHolds, type Scope } from "#shared/access/scopes.ts";
import { verifyCaller } from "#shared/access/verify.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { envelopeKeys, localWrapper } from "#shared/platform/keys/envelope.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { type Configuration, readConfiguration } from "#shared/runtime/config.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import {
  type MovableClock,
  memoryDocuments,
  movableClock,
  type RecordedTopics,
  recordedTopics,
} from "#shared/runtime/served.fixture.ts";
import { keyScopes, refuseMoreScopes } from "./granted-scopes.ts";
import { type IssueRequest, issueKey } from "./issue.ts";
import { rotateKey, rotatePrimaryKey } from "./rotate.ts";
import type { StoredKey } from "./stored-key.ts";

const org = { slug: "Acme", key: "acme", orgId: "org_1" };
const root: Caller = { kind: "root", credentialId: "root" };
const hourMilliseconds = 3_600_000;

let clock: MovableClock;
let documents: Documents;
let topics: RecordedTopics;
let config: Configuration;

beforeEach(async () => {
  clock = movableClock();
  documents = memoryDocuments(clock);
  topics = recordedTopics();
  config = await readConfiguration({ ENVIRONMENT: "test" });
  await documents.transaction(async (tx) => {
    tx.create("orgs/acme", {
      ...org,
      state: "ACTIVE",
      companyName: "Acme Inc.",
      adminEmail: "first@example.com",
      locale: { defaultLanguage: "en" },
    });
  });
});

afterEach(() => documents.close());

function ports() {
  const keys = envelopeKeys(localWrapper({ key: randomBytes(32), keyName: "platform", keyVersion: "1" }));
  return { documents, topics, clock, ids: systemIds, keys, config };
}

function effects<T>(): Effects<T> {
  return {
    commit: (body) => commitChange(body, ports()),
    prepare: async () => {},
    conclude: () => {},
    audit: () => {},
  };
}

function issued(request: Partial<IssueRequest> = {}, caller = root) {
  const asked = { org, caller, request: { name: "a key", scopes: ["costs:read"], ...request } };
  return issueKey(asked, effects(), ports());
}

async function works(apiKey: string): Promise<boolean> {
  // Every look is a first one: what a cache may still believe is another test's.
  const fresh = { ...documents };
  const by = { documents: fresh, clock, rootKey: undefined, isDevelopment: false };
  return verifyCaller({ apiKey, rootKey: undefined }, orgAccess("costs:read"), by).then(
    () => true,
    () => false,
  );
}

function stored(hash: string): Promise<StoredKey | undefined> {
  return documents.get<StoredKey>(`apiKeys/${hash}`).then(({ body }) => body);
}

describe("an issued key", () => {
  it.each([
    [undefined, "2027-08-10T12:00:00.000Z"],
    [1, "2026-08-11T12:00:00.000Z"],
    [3650, "2036-08-07T12:00:00.000Z"],
    [null, null],
  ])("asked to live %s days ends at %s", async (expires_in_days, expiresAt) => {
    const key = await issued(expires_in_days === undefined ? {} : { expires_in_days });

    expect(key.expires_at).toBe(expiresAt);
    expect(await works(key.api_key)).toBe(true);
    if (expiresAt === null) return;
    clock.advance(Date.parse(expiresAt) - clock.now().getTime() - 1);
    expect(await works(key.api_key)).toBe(true);
    clock.advance(1);
    expect(await works(key.api_key)).toBe(false);
  });

  it("is told to the owner by mail, without a part of it but its last four", async () => {
    const key = await issued();
    await documents.transaction(async (tx) => {
      const { body } = await tx.get("orgs/acme");
      tx.set("orgs/acme", { ...body, ownerUserId: "usr_1" });
      tx.create("orgs/acme/members/usr_1", { email: "owner@example.com" });
    });
    await issued();

    expect(topics.published.map(({ topic, payload }) => ({ topic, payload }))).toMatchObject([
      { topic: "mail", payload: { name: "key-issued", to: "first@example.com", values: { company: "Acme Inc." } } },
      { topic: "mail", payload: { name: "key-issued", to: "owner@example.com" } },
    ]);
    expect(JSON.stringify(topics.published)).toContain(`"fingerprint":"${key.api_key.slice(-4)}"`);
    expect(JSON.stringify(topics.published)).not.toContain(key.api_key);
  });

  it("is kept as a sealed copy in development only", async () => {
    const here = await issued();
    config = { ...config, ENVIRONMENT: "production" };
    const there = await issued();

    expect((await stored(here.org_api_key_hash))?.sealedKey).not.toBeNull();
    expect((await stored(there.org_api_key_hash))?.sealedKey).toBeNull();
    expect(JSON.stringify(await stored(here.org_api_key_hash))).not.toContain(here.api_key);
  });

  it("is refused without a store read when any one character is changed", async () => {
    const { api_key: key } = await issued();
    const blind = { ...documents, get: () => Promise.reject(new Error("the store was read")) } as unknown as Documents;
    const by = { documents: blind, clock, rootKey: undefined, isDevelopment: false };

    for (let at = 0; at < key.length; at++) {
      for (const other of ["0", "9", "A", "z", "_", "%"].filter((each) => each !== key[at])) {
        const changed = key.slice(0, at) + other + key.slice(at + 1);
        await expect(
          verifyCaller({ apiKey: changed, rootKey: undefined }, orgAccess("costs:read"), by),
        ).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
      }
    }
    await expect(verifyCaller({ apiKey: key, rootKey: undefined }, orgAccess("costs:read"), by)).rejects.toThrow(
      "the store was read",
    );
  });
});

describe("a rotation", () => {
  it("ends the old key when the overlap ends, not before and not later", async () => {
    const old = await issued();
    const fresh = await rotateKey({ org, caller: root, keyId: old.key_id, overlapHours: 24 }, effects(), ports());

    expect([await works(old.api_key), await works(fresh.api_key)]).toEqual([true, true]);
    clock.advance(24 * hourMilliseconds - 1);
    expect([await works(old.api_key), await works(fresh.api_key)]).toEqual([true, true]);
    clock.advance(1);
    expect([await works(old.api_key), await works(fresh.api_key)]).toEqual([false, true]);
  });

  it("lets no key live longer than it was meant to", async () => {
    const old = await issued({ expires_in_days: 1 });
    clock.advance(12 * hourMilliseconds);

    const fresh = await rotateKey({ org, caller: root, keyId: old.key_id, overlapHours: 168 }, effects(), ports());

    expect(fresh.previous_expires_at).toBe(old.expires_at);
    clock.advance(24 * hourMilliseconds - 1);
    expect([await works(old.api_key), await works(fresh.api_key)]).toEqual([false, true]);
    clock.advance(1);
    expect(await works(fresh.api_key)).toBe(false);
  });

  it("of the primary key leaves exactly one, and makes one where none is left", async () => {
    const first = await rotatePrimaryKey({ org, caller: root, overlapHours: 0 }, effects(), ports());
    const second = await rotatePrimaryKey({ org, caller: root, overlapHours: 1 }, effects(), ports());

    expect([first.previous_key_revoked, second.previous_key_revoked]).toEqual([false, false]);
    const primaries = await Promise.all([first, second].map((key) => stored(key.org_api_key_hash)));
    expect(primaries.map((key) => [key?.primary, key?.state])).toEqual([
      [false, "ROTATING"],
      [true, "ACTIVE"],
    ]);
    expect(await works(first.api_key)).toBe(true);
  });
});

describe("scopes", () => {
  const someScopes = fc.uniqueArray(fc.constantFrom<Scope>(...allScopes, "*"), { minLength: 1, maxLength: 12 });

  it("of a new key never allow what its maker may not do, whatever the maker has and asks for", () => {
    fc.assert(
      fc.property(someScopes, someScopes, (own, asked) => {
        const maker: Caller = { kind: "key", credentialId: "key_1", keyId: "key_1", org, scopes: own };
        try {
          refuseMoreScopes(maker, keyScopes(asked));
        } catch {
          return;
        }
        for (const scope of allScopes) if (keyHolds(asked, scope)) expect(keyHolds(own, scope)).toBe(true);
      }),
    );
  });

  it.each(["owner", "admin", "member", "viewer"] as const)("of a key that %s makes are within the role", (role) => {
    fc.assert(
      fc.property(someScopes, (asked) => {
        const person = { credentialId: "ses_1", userId: "usr_1", email: "", sessionId: "ses_1", signedInAt: "" };
        const maker: Caller = { ...person, kind: "member", org, role, scopes: roleScopes(role) };
        const isGiven = (() => {
          try {
            refuseMoreScopes(maker, keyScopes(asked));
            return true;
          } catch {
            return false;
          }
        })();
        const held = new Set<string>(roleScopes(role));
        const isAllowed = asked.every((scope) => {
          if (scope === "*") return role === "owner" || role === "admin";
          return held.has(scope === "pipelines:write" ? "pipelines:run" : scope) && !isForPeople(scope);
        });
        expect(isGiven).toBe(isAllowed);
      }),
    );
  });
});
