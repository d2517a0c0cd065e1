import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type MovableClock, memoryDocuments, movableClock } from "#shared/runtime/served.fixture.ts";
import {
  liveToken,
  liveTokensAbout,
  newOneTimeToken,
  oneTimeTokenHash,
  oneTimeTokenKinds,
  oneTimeTokenPath,
  spendToken,
  storeToken,
} from "./one-time-token.ts";

let clock: MovableClock;
let documents: Documents;

beforeEach(() => {
  clock = movableClock();
  documents = memoryDocuments(clock);
});

afterEach(() => documents.close());

async function stored(subject = "ada@example.com", minutes = 15): Promise<string> {
  const { token, hash } = newOneTimeToken("signin");
  const expiresAt = new Date(clock.now().getTime() + minutes * 60_000);
  await documents.transaction(async (tx) => storeToken(hash, { kind: "signin", subject, expiresAt }, tx));
  return token;
}

/** True for the one try that spent it. */
function spent(token: string): Promise<boolean> {
  return documents.transaction(async (tx) => {
    const live = await liveToken(oneTimeTokenHash(token, "signin") ?? "", "signin", tx);
    if (live === undefined) return false;
    spendToken(live, clock.now(), tx);
    return true;
  });
}

describe("a one-time token", () => {
  it.each(oneTimeTokenKinds.map((kind) => [kind]))("of kind %s has its form and is good for no other kind", (kind) => {
    const { token, hash } = newOneTimeToken(kind);

    expect(token).toMatch(new RegExp(`^${kind}_[0-9A-Za-z]{49}$`));
    for (const each of oneTimeTokenKinds) expect(oneTimeTokenHash(token, each)).toBe(each === kind ? hash : undefined);
  });

  it("that was mistyped anywhere is known as such without a look-up", () => {
    const { token } = newOneTimeToken("invite");

    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom(..."0aZ_-. é"), (at, character) => {
        const typed = token.slice(0, at) + character + token.slice(at + 1);
        expect(oneTimeTokenHash(typed, "invite") !== undefined).toBe(typed === token);
      }),
    );
  });

  it("is spent by one of many at once", async () => {
    const token = await stored();

    const tries = await Promise.all(Array.from({ length: 100 }, () => spent(token)));

    expect(tries.filter((isSpent) => isSpent)).toHaveLength(1);
  });

  it("ends at its instant, whether or not anything has removed it", async () => {
    const token = await stored();

    clock.advance(15 * 60_000);

    expect(await spent(token)).toBe(false);
  });

  it("is not stored", async () => {
    const token = await stored();
    const { body } = await documents.get(oneTimeTokenPath(oneTimeTokenHash(token, "signin") ?? ""));

    expect(body).toBeDefined();
    expect(JSON.stringify(body)).not.toContain(token.slice(7));
  });

  it("is found by its subject while it lives", async () => {
    const used = await stored();
    await spent(used);
    await stored("ada@example.com", 0);
    const live = await stored();
    await stored("bob@example.com");

    const found = await documents.transaction((tx) => liveTokensAbout("signin", "ada@example.com", tx));

    expect(found.map(({ hash }) => hash)).toEqual([oneTimeTokenHash(live, "signin")]);
  });
});
