import { decodeJwt, decodeProtectedHeader } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { accessTokenClaims, bearerSecret } from "#shared/access/access-token.ts";
import { type PlatformKeysDocument, platformKeysPath } from "#shared/access/platform-keys.ts";
import { idempotencySecret } from "#shared/access/session.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { envelopeKeys, localWrapper } from "#shared/platform/keys/envelope.ts";
import { type MovableClock, memoryDocuments, movableClock } from "#shared/runtime/served.fixture.ts";
import { newAccessToken } from "./access-token.ts";
import { csrfTokenOf, type SealedPlatformKeys } from "./platform-secrets.ts";
import { publishedKeys } from "./published-keys.ts";

const day = 86_400_000;
const sessionId = "a".repeat(64);
const session = {
  userId: "usr_1",
  sessionId,
  authTime: "2026-08-10T11:00:00.000Z",
  idempotencySecret: idempotencySecret("secret of a cookie"),
};

let clock: MovableClock;
let documents: Documents;

beforeEach(() => {
  clock = movableClock();
  documents = memoryDocuments(clock);
});

afterEach(() => documents.close());

function platform(store: Documents = documents, key = 1): SealedPlatformKeys {
  const keys = envelopeKeys(localWrapper({ key: Buffer.alloc(32, key), keyName: "test", keyVersion: "1" }));
  return { documents: store, keys, clock, ids: systemIds };
}

async function token(by = platform()): Promise<string> {
  return (await newAccessToken(session, by)).token;
}

/** The same store as another process sees it: nothing is remembered of what the first has read. */
function elsewhere(): Documents {
  return { ...documents };
}

function claims(text: string, store = elsewhere()) {
  return accessTokenClaims(text, { documents: store, clock });
}

describe("an access token of our own", () => {
  it("names the person and the session, and nothing that lets anybody in by itself", async () => {
    const text = await token();

    expect(await claims(text)).toEqual({ userId: "usr_1", sessionId });
    expect(decodeProtectedHeader(text)).toMatchObject({ alg: "EdDSA", typ: "at+jwt" });
    expect(decodeJwt(text)).toMatchObject({ sub: "usr_1", sid: sessionId, auth_time: 1_786_359_600 });
    expect(bearerSecret(text)).toBe(idempotencySecret("secret of a cookie"));
  });

  it("lives 15 minutes, and a minute of leeway", async () => {
    const text = await token();

    clock.advance(15 * 60_000 + 59_000);
    expect(await claims(text)).toBeDefined();
    clock.advance(2_000);
    expect(await claims(text)).toBeUndefined();
  });

  it("of another platform, or changed in any part, is none", async () => {
    const text = await token();
    const stranger = memoryDocuments(clock);
    const foreign = await token(platform(stranger, 2));
    await stranger.close();
    const [header = "", payload = "", signature = ""] = text.split(".");
    const other = Buffer.from(JSON.stringify({ ...decodeJwt(text), sub: "usr_2" })).toString("base64url");
    const unsigned = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString("base64url");
    const broken = [
      foreign,
      `${header}.${other}.${signature}`,
      `${unsigned}.${payload}.`,
      `${header}.${payload}.`,
      "",
      "x",
      "a.b.c",
      "x".repeat(9_000),
    ];

    for (const each of broken) expect(await claims(each), each).toBeUndefined();
    expect(broken.map(bearerSecret).every((secret) => typeof secret === "string")).toBe(true);
  });
});

describe("the platform's signing keys", () => {
  it("are one, however many processes need the first at once", async () => {
    await Promise.all(Array.from({ length: 10 }, () => newAccessToken(session, platform(elsewhere()))));

    expect((await publishedKeys(documents)).keys).toHaveLength(1);
  });

  it("change after 90 days, the last two are published, and a token of the one before still holds", async () => {
    const first = await token();
    clock.advance(90 * day - 60_000);
    const late = await token();
    const before = (await publishedKeys(documents)).keys.map(({ kid }) => kid);
    clock.advance(60_000);
    const second = await token();
    const after = (await publishedKeys(documents)).keys.map(({ kid }) => kid);
    clock.advance(90 * day);
    await token();
    const third = (await publishedKeys(documents)).keys.map(({ kid }) => kid);

    const kidOf = (text: string) => decodeProtectedHeader(text).kid;
    expect([before, kidOf(late)]).toEqual([[kidOf(first)], kidOf(first)]);
    expect(after).toEqual([kidOf(second), kidOf(first)]);
    expect([third.length, third[1], third.includes(kidOf(first) ?? "")]).toEqual([2, kidOf(second), false]);
  });

  it("verify the late token of the old key after the change, in a process that knows the new one only", async () => {
    await token();
    clock.advance(90 * day - 60_000);
    const late = await token();
    clock.advance(60_000);
    await token();

    expect(await claims(late)).toBeDefined();
  });

  it("lie sealed: what is stored or published signs nothing", async () => {
    await token();
    const { body } = await documents.get<PlatformKeysDocument>(platformKeysPath);
    const { keys } = await publishedKeys(documents);

    expect(Object.keys(body?.signing?.[0] ?? {}).sort()).toEqual(["createdAt", "kid", "sealedPrivateKey", "x"]);
    expect(Object.keys(keys[0] ?? {}).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x"]);
  });

  it("leave what other rooms keep beside them", async () => {
    await documents.transaction(async (tx) => tx.create(platformKeysPath, { cursor: "of another room" }));
    await token();
    await csrfTokenOf(sessionId, platform());

    expect((await documents.get(platformKeysPath)).body).toMatchObject({ cursor: "of another room" });
  });
});

describe("the token of a session's page", () => {
  it("is the same in every process and another for every session", async () => {
    const [here, there] = [
      await csrfTokenOf(sessionId, platform()),
      await csrfTokenOf(sessionId, platform(elsewhere())),
    ];

    expect(here).toBe(there);
    expect(await csrfTokenOf("b".repeat(64), platform())).not.toBe(here);
  });
});
