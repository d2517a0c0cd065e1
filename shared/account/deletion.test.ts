import { describe, expect, it } from "vitest";
import { signInMember, signInPerson } from "#scripts/e2e/people.ts";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";
import type { Role } from "#shared/access/roles.ts";
import { systemClock } from "#shared/platform/clock.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { type Answer, call, mailedToken } from "./sign-in.fixture.ts";

const root = { "x-ca-root-key": rootKey };

async function openHost(): Promise<Host> {
  const host = await testHost({ config: await testConfiguration({ RATE_LIMIT_ENABLED: "false" }) });
  await call(host.url, "POST", "/api/v1/admin/bootstrap", { headers: root, body: {} });
  const request = { org_slug: "Acme", company_name: "Acme", admin_email: "o@acme.test", subscription_plan: "SCALE" };
  const made = await call(host.url, "POST", "/api/v1/organizations/onboard", { headers: root, body: request });
  expect(made.status, JSON.stringify(made.body)).toBe(200);
  return host;
}

function member(host: Host, role: Role, email: string) {
  const org = { slug: "Acme", key: "acme", orgId: "org_1" };
  return signInMember({ org, role, email }, { ...host.ports, clock: systemClock, ids: systemIds });
}

function confirm(host: Host, token: string): Promise<Answer> {
  return call(host.url, "POST", "/api/v1/me/deletion/confirm", { body: { token } });
}

function codeOf({ status, body }: Answer): unknown[] {
  return [status, body["error"]];
}

describe("deleting one's account", () => {
  it("takes a mailed link and leaves nothing but the bare id", async () => {
    const host = await openHost();
    const ada = await member(host, "admin", "Ada.Lovelace@example.com");

    const asked = await call(host.url, "POST", "/api/v1/me/deletion", { headers: ada.headers });
    const token = await mailedToken(host, rootKey, "Ada.Lovelace@example.com");
    const deleted = await confirm(host, token);
    const after = await call(host.url, "GET", "/api/v1/me", { headers: ada.headers });
    const again = await confirm(host, token);

    expect([asked.status, asked.body]).toEqual([202, { status: "sent" }]);
    expect([deleted.status, deleted.body]).toEqual([200, { user_id: ada.userId, status: "DELETED" }]);
    expect([after, again].map(codeOf)).toEqual([
      [401, "UNAUTHENTICATED"],
      [401, "UNAUTHENTICATED"],
    ]);
    for (const path of [
      `users/${ada.userId}`,
      `users/${ada.userId}/memberships/acme`,
      `orgs/acme/members/${ada.userId}`,
    ]) {
      const { body } = await host.ports.documents.get(path);
      expect(JSON.stringify(body).toLowerCase()).not.toContain("ada");
    }
  });

  it("frees the seats, and a later sign-in with the address makes somebody new", async () => {
    const host = await openHost();
    const ada = await member(host, "member", "ada@example.com");
    const seats = async (): Promise<unknown> =>
      (await call(host.url, "GET", "/api/v1/organizations/acme/quota", { headers: root })).body["seats_used"];
    await host.ports.documents.transaction(async (tx) => {
      const { body } = await tx.get<{ members: number }>("orgs/acme/quota/current");
      if (body !== undefined) tx.set("orgs/acme/quota/current", { ...body, members: 3 });
    });
    const before = await seats();

    await call(host.url, "POST", "/api/v1/me/deletion", { headers: ada.headers });
    await confirm(host, await mailedToken(host, rootKey, "ada@example.com"));
    const later = await member(host, "member", "ada@example.com");

    expect(await seats()).toBe(Number(before) - 1);
    expect(later.userId).not.toBe(ada.userId);
  });

  it("is refused while the person owns an organization, also when they became the owner after asking", async () => {
    const host = await openHost();
    const ada = await member(host, "admin", "ada@example.com");
    await call(host.url, "POST", "/api/v1/me/deletion", { headers: ada.headers });
    const token = await mailedToken(host, rootKey, "ada@example.com");
    const owner = await member(host, "owner", "ada@example.com");

    const asked = await call(host.url, "POST", "/api/v1/me/deletion", { headers: owner.headers });
    const confirmed = await confirm(host, token);

    expect([asked, confirmed].map(codeOf)).toEqual([
      [409, "OWNER_REQUIRED"],
      [409, "OWNER_REQUIRED"],
    ]);
    expect((await call(host.url, "GET", "/api/v1/me", { headers: ada.headers })).status).toBe(200);
  });

  it("ends every session, however many there are", async () => {
    const host = await openHost();
    const ports = { ...host.ports, clock: systemClock, ids: systemIds };
    const first = await signInPerson("ada@example.com", ports);
    for (let at = 0; at < 205; at++) await signInPerson("ada@example.com", ports);
    const last = await signInPerson("ada@example.com", ports);

    await call(host.url, "POST", "/api/v1/me/deletion", { headers: first.headers });
    const deleted = await confirm(host, await mailedToken(host, rootKey, "ada@example.com"));
    const statuses: number[] = [];
    for (const { headers } of [first, last])
      statuses.push((await call(host.url, "GET", "/api/v1/me", { headers })).status);

    expect([deleted.status, statuses]).toEqual([200, [401, 401]]);
  });

  it("has one live link", async () => {
    const host = await openHost();
    const ada = await member(host, "viewer", "ada@example.com");
    await call(host.url, "POST", "/api/v1/me/deletion", { headers: ada.headers });
    const former = await mailedToken(host, rootKey, "ada@example.com");
    await call(host.url, "POST", "/api/v1/me/deletion", { headers: ada.headers });

    expect(codeOf(await confirm(host, former))).toEqual([401, "UNAUTHENTICATED"]);
  });

  it("is audited once for the person and once for each organization they leave", async () => {
    const host = await openHost();
    const ada = await member(host, "viewer", "ada@example.com");
    await call(host.url, "POST", "/api/v1/me/deletion", { headers: ada.headers });
    await confirm(host, await mailedToken(host, rootKey, "ada@example.com"));

    const logs = await call(host.url, "GET", "/api/v1/admin/audit-logs/acme?action=member.left", { headers: root });
    const platform = await call(host.url, "GET", "/api/v1/admin/audit-logs/_platform?action=user.deleted", {
      headers: root,
    });

    for (const { body } of [logs, platform])
      expect(body["logs"], JSON.stringify(body)).toMatchObject([{ user_id: ada.userId, actor_kind: "member" }]);
  });
});
