import { describe, expect, it } from "vitest";
import { signInMember, signInPerson } from "#scripts/e2e/people.ts";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";
import { systemClock } from "#shared/platform/clock.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { type Answer, call } from "./sign-in.fixture.ts";

const root = { "x-ca-root-key": rootKey };
const email = "ada@example.com";

async function openHost(): Promise<Host> {
  return testHost({ config: await testConfiguration({ RATE_LIMIT_ENABLED: "false" }) });
}

async function withAcme(): Promise<Host> {
  const host = await openHost();
  await call(host.url, "POST", "/api/v1/admin/bootstrap", { headers: root, body: {} });
  const request = { org_slug: "Acme", company_name: "Acme", admin_email: "o@acme.test", subscription_plan: "SCALE" };
  const made = await call(host.url, "POST", "/api/v1/organizations/onboard", { headers: root, body: request });
  expect(made.status, JSON.stringify(made.body)).toBe(200);
  return host;
}

function portsOf(host: Host) {
  return { ...host.ports, clock: systemClock, ids: systemIds };
}

function update(host: Host, headers: Record<string, string>, body: unknown): Promise<Answer> {
  return call(host.url, "PATCH", "/api/v1/me", { headers, body });
}

describe("one's own account", () => {
  it("says who is signed in, where they belong and where they are asked to", async () => {
    const host = await withAcme();
    const org = { slug: "Acme", key: "acme", orgId: "org_1" };
    const ada = await signInMember({ org, role: "admin", email }, portsOf(host));
    const bob = await signInPerson("Bob@example.com", portsOf(host));
    const invited = await call(host.url, "POST", "/api/v1/organizations/acme/invites", {
      headers: ada.headers,
      body: { email: "bob@example.com", role: "viewer" },
    });

    const ofAda = await call(host.url, "GET", "/api/v1/me", { headers: ada.headers });
    const ofBob = await call(host.url, "GET", "/api/v1/me", { headers: bob.headers });

    expect(invited.status, JSON.stringify(invited.body)).toBe(201);
    expect(ofAda.body).toMatchObject({
      user: { user_id: ada.userId, email, language: "en", timezone: "UTC" },
      organizations: [{ org_slug: "Acme", role: "admin" }],
      pending_invites: [],
    });
    expect(ofBob.body).toMatchObject({
      organizations: [],
      pending_invites: [{ invite_id: invited.body["invite_id"], org_slug: "Acme", role: "viewer" }],
    });
  });

  it("takes a new name to every list of members", async () => {
    const host = await withAcme();
    const org = { slug: "Acme", key: "acme", orgId: "org_1" };
    const ada = await signInMember({ org, role: "admin", email }, portsOf(host));

    const changed = await update(host, ada.headers, {
      name: "  Ada Lovelace ",
      language: "DE",
      timezone: "Asia/Kolkata",
    });
    const { body } = await call(host.url, "GET", "/api/v1/organizations/acme/members", { headers: ada.headers });
    const cleared = await update(host, ada.headers, { name: null });

    expect(changed.body).toMatchObject({ name: "Ada Lovelace", language: "de", timezone: "Asia/Kolkata" });
    expect(body["members"]).toMatchObject([{ email, name: "Ada Lovelace" }]);
    expect(cleared.body).toMatchObject({ name: null, language: "de" });
  });

  it.each([
    [{ name: "   " }, "/name"],
    [{ name: "\u202eada" }, "/name"],
    [{ name: "x".repeat(201) }, "/name"],
    [{ language: "xx" }, "/language"],
    [{ timezone: "Mars/Olympus" }, "/timezone"],
    [{ timezone: "+02:00" }, "/timezone"],
  ])("refuses %j", async (body, path) => {
    const host = await openHost();
    const { headers } = await signInPerson(email, portsOf(host));

    const answer = await update(host, headers, body);

    expect([answer.status, (answer.body["fields"] as { path: string }[])[0]?.path]).toEqual([422, path]);
  });

  it("answers a change again under the same Idempotency-Key, by cookie and by bearer alike", async () => {
    const host = await openHost();
    const { headers } = await signInPerson(email, portsOf(host));
    const token = await call(host.url, "POST", "/api/v1/auth/token", { headers });
    const key = { "idempotency-key": "rename" };
    const byBearer = { authorization: `Bearer ${String(token.body["access_token"])}`, ...key };

    const first = await update(host, { ...headers, ...key }, { name: "Ada" });
    const again = await update(host, byBearer, { name: "Ada" });
    const other = await update(host, byBearer, { name: "Bob" });

    expect([first.status, again.status, again.headers.get("idempotency-replayed")]).toEqual([200, 200, "true"]);
    expect([other.status, other.body["error"]]).toEqual([422, "IDEMPOTENCY_KEY_REUSED"]);
  });
});

describe("an access token", () => {
  it("makes no further token: the cookie must be shown for each", async () => {
    const host = await openHost();
    const { headers } = await signInPerson(email, portsOf(host));
    const first = await call(host.url, "POST", "/api/v1/auth/token", { headers });
    const authorization = `Bearer ${String(first.body["access_token"])}`;

    const second = await call(host.url, "POST", "/api/v1/auth/token", { headers: { authorization } });

    expect([first.status, second.status]).toEqual([200, 401]);
  });
});

describe("one's own sessions", () => {
  it("are listed with the one in use, and can be ended one by one", async () => {
    const host = await openHost();
    const here = await signInPerson(email, portsOf(host));
    const there = await signInPerson(email, portsOf(host));
    const bobs = await signInPerson("bob@example.com", portsOf(host));
    const end = (id: string): Promise<Answer> =>
      call(host.url, "DELETE", `/api/v1/me/sessions/${id}`, { headers: here.headers });

    const { body } = await call(host.url, "GET", "/api/v1/me/sessions", { headers: here.headers });
    const ended = [await end(there.sessionId), await end(there.sessionId)];
    const foreign = [await end(bobs.sessionId), await end("0".repeat(64)), await end("x")];
    const statuses: number[] = [];
    for (const { headers } of [here, there, bobs])
      statuses.push((await call(host.url, "GET", "/api/v1/me", { headers })).status);

    const listed = body["sessions"] as { session_id: string; is_current: boolean }[];
    expect(new Set(listed.map(({ session_id }) => session_id))).toEqual(new Set([here.sessionId, there.sessionId]));
    expect(listed.filter(({ is_current }) => is_current).map(({ session_id }) => session_id)).toEqual([here.sessionId]);
    expect(ended.map(({ status, body: answer }) => [status, answer["status"]])).toEqual([
      [200, "REVOKED"],
      [200, "REVOKED"],
    ]);
    expect(foreign.map(({ status, body: answer }) => [status, answer["error"]])).toEqual(
      foreign.map(() => [404, "SESSION_NOT_FOUND"]),
    );
    expect(statuses).toEqual([200, 401, 200]);
  });

  it("leave audit rows that name the person and no secret", async () => {
    const host = await openHost();
    const ada = await signInPerson(email, portsOf(host));
    await call(host.url, "DELETE", "/api/v1/auth/session", { headers: ada.headers });

    const { body } = await call(host.url, "GET", "/api/v1/admin/audit-logs/_platform?action=session.ended", {
      headers: root,
    });

    expect(body["logs"], JSON.stringify(body)).toMatchObject([{ user_id: ada.userId, actor_kind: "member" }]);
    expect(JSON.stringify(body)).not.toContain(ada.headers.cookie.split("=")[1]);
  });
});
