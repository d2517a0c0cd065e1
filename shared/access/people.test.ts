import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type MovableClock, memoryDocuments, movableClock } from "#shared/runtime/served.fixture.ts";
import { orgAccess, sessionAccess } from "./caller.ts";
import type { OrgAccessDocument } from "./membership.ts";
import { type MembershipDocument, membershipPath, ownMembershipPath } from "./roles.ts";
import { type SessionDocument, sessionPath, sha256 } from "./session.ts";
import { authorize, placeCaller, type Verification, verifyCaller } from "./verify.ts";

const day = 86_400_000;
const secret = "s".repeat(43);
const own = { isSafe: false, csrfToken: "page", isForeign: false };

let clock: MovableClock;
let documents: Documents;
let by: Verification;

beforeEach(async () => {
  clock = movableClock();
  documents = memoryDocuments(clock);
  by = { documents, clock, rootKey: undefined, isDevelopment: false };
  const now = clock.now().toISOString();
  await write<SessionDocument>(sessionPath(sha256(secret)), {
    userId: "usr_1",
    email: "ada@example.com",
    authTime: now,
    startedAt: now,
    lastSeenAt: now,
    ip: null,
    userAgent: null,
    csrfHash: sha256("page"),
    revokedAt: null,
    expiresAt: new Date(clock.now().getTime() + 30 * day).toISOString(),
    expireAt: new Date(clock.now().getTime() + 31 * day).toISOString(),
  });
  await write<OrgAccessDocument>("orgs/acme", { slug: "Acme", orgId: "org_1", state: "ACTIVE" });
  const membership = { userId: "usr_1", org: "acme", status: "ACTIVE" as const, email: "ada@example.com", name: null };
  for (const path of [membershipPath("acme", "usr_1"), ownMembershipPath("usr_1", "acme")])
    await write<MembershipDocument>(path, { ...membership, role: "admin", joinedAt: now, lastSeenAt: null });
});

afterEach(() => documents.close());

async function write<T extends object>(path: string, change: Partial<T>): Promise<void> {
  await documents.transaction(async (tx) => {
    const { body } = await tx.get<object>(path);
    tx.set(path, { ...body, ...change });
  });
}

async function outcome(work: Promise<{ kind: string }>): Promise<string> {
  return work.then(
    ({ kind }) => kind,
    (error: { code: string }) => error.code,
  );
}

function signedIn(cookie = { value: secret, ...own }): Promise<string> {
  return outcome(verifyCaller({ rootKey: undefined, apiKey: undefined, cookie }, sessionAccess(), by));
}

async function member(asked: string | undefined, store = documents) {
  const access = orgAccess("members:write");
  const person = await verifyCaller(
    { rootKey: undefined, apiKey: undefined, cookie: { value: secret, ...own } },
    access,
    by,
  );
  const caller = await placeCaller(person, access, asked, { documents: store, clock });
  authorize(caller, access);
  return caller;
}

describe("a session", () => {
  it("ends after 7 days without use, not before", async () => {
    clock.advance(7 * day - 1);
    expect(await signedIn()).toBe("person");

    clock.advance(7 * day);
    expect(await signedIn()).toBe("UNAUTHENTICATED");
  });

  it("ends after 30 days however much it is used", async () => {
    for (let days = 0; days < 5; days++) {
      clock.advance(6 * day - 1);
      expect(await signedIn()).toBe("person");
    }

    clock.advance(5);
    expect(await signedIn()).toBe("UNAUTHENTICATED");
  });

  it("is noted as seen every 15 minutes at most", async () => {
    const seen = async () => (await documents.get<SessionDocument>(sessionPath(sha256(secret)))).body?.lastSeenAt;
    const start = await seen();
    clock.advance(15 * 60_000 - 1);
    await signedIn();
    const before = await seen();
    clock.advance(1);
    await signedIn();

    expect([before, await seen()]).toEqual([start, clock.now().toISOString()]);
  });

  it("that was revoked is over at once", async () => {
    await signedIn();
    await write<SessionDocument>(sessionPath(sha256(secret)), { revokedAt: clock.now().toISOString() });

    expect(await signedIn()).toBe("UNAUTHENTICATED");
  });

  it.each<[what: string, provenance: Partial<typeof own> & { csrfToken?: string }, verdict: string]>([
    ["its page's token", {}, "person"],
    ["a wrong token", { csrfToken: "pagex" }, "CSRF_FAILED"],
    ["an empty token", { csrfToken: "" }, "CSRF_FAILED"],
    ["another site's origin", { isForeign: true }, "CSRF_FAILED"],
    ["a wrong token where nothing changes", { isSafe: true, csrfToken: "x" }, "person"],
  ])("used with %s: %s", async (_what, provenance, verdict) => {
    expect(await signedIn({ value: secret, ...own, ...provenance })).toBe(verdict);
  });
});

describe("a person in an organization", () => {
  it("has the role that is stored, whatever the case of the slug", async () => {
    expect(await member("ACME")).toMatchObject({
      kind: "member",
      role: "admin",
      userId: "usr_1",
      org: { slug: "Acme", key: "acme", orgId: "org_1" },
    });
  });

  it.each([["none"], ["__x__"], ["../acme"], [""], [undefined]])(
    "%j that they are no member of learns nothing",
    async (asked) => {
      expect(await outcome(member(asked))).toBe("ORG_MISMATCH");
    },
  );

  it.each([
    ["removed", membershipPath("acme", "usr_1"), { status: "REMOVED" }],
    ["of an organization that is deleted", "orgs/acme", { state: "DELETED" }],
  ])("is let in no more once they are %s", async (_what, path, change) => {
    await write<{ status?: string; state?: string }>(path, change);

    expect(await outcome(member("acme"))).toBe("ORG_MISMATCH");
  });

  it("loses a role that was taken away within 10 s", async () => {
    expect(await outcome(member("acme"))).toBe("member");
    await write(membershipPath("acme", "usr_1"), { role: "viewer" });

    const takenAt = performance.now();
    await expect.poll(() => outcome(member("acme")), { timeout: 12_000, interval: 100 }).toBe("FORBIDDEN");

    expect(performance.now() - takenAt).toBeLessThan(10_000);
  });

  it("is noted as seen in both copies of the membership", async () => {
    clock.advance(15 * 60_000);
    await member("acme", { ...documents });

    for (const path of [membershipPath("acme", "usr_1"), ownMembershipPath("usr_1", "acme")])
      expect((await documents.get<MembershipDocument>(path)).body).toMatchObject({
        lastSeenAt: clock.now().toISOString(),
        role: "admin",
      });
  });
});
