import { beforeEach, describe, expect, it } from "vitest";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";
import { type Answer, call, mailedToken, ofConsole, signInOver } from "#shared/account/sign-in.fixture.ts";

const base = "/api/v1/organizations/acme";
const root = { "x-ca-root-key": rootKey };

type Headers = Record<string, string>;

let host: Host;
let apiKey: Headers;

async function open(settings: Record<string, string> = { RATE_LIMIT_ENABLED: "false" }): Promise<void> {
  host = await testHost({ config: await testConfiguration(settings) });
  await call(host.url, "POST", "/api/v1/admin/bootstrap", { headers: root, body: {} });
  const request = {
    org_slug: "Acme",
    company_name: "Acme",
    admin_email: "o@acme.test",
    subscription_plan: "PROFESSIONAL",
  };
  const made = await call(host.url, "POST", "/api/v1/organizations/onboard", { headers: root, body: request });
  expect(made.status, JSON.stringify(made.body)).toBe(200);
  expect(made.body["owner_invite"]).toMatchObject({ email: "o@acme.test" });
  apiKey = { "x-api-key": String(made.body["api_key"]) };
}

beforeEach(() => open(), 60_000);

const send = (method: string, path: string, headers: Headers, body?: unknown): Promise<Answer> =>
  call(host.url, method, path, { headers, ...(body === undefined ? {} : { body }) });
const signIn = async (email: string): Promise<Headers> => ofConsole(await signInOver(host, rootKey, email));

/** Invites, reads the mail, signs in and accepts. */
async function join(by: Headers, email: string, role = "member"): Promise<{ headers: Headers; userId: string }> {
  const invited = await send("POST", `${base}/invites`, by, { email, role });
  expect(invited.status, JSON.stringify(invited.body)).toBe(201);
  const token = await mailedToken(host, rootKey, email);
  const headers = await signIn(email);
  const accepted = await send("POST", "/api/v1/invites/accept", headers, { token });
  expect(accepted.status, JSON.stringify(accepted.body)).toBe(200);
  return { headers, userId: await userIdOf(headers) };
}

async function userIdOf(headers: Headers): Promise<string> {
  const { body } = await send("GET", "/api/v1/me", headers);
  return String((body["user"] as Record<string, unknown>)["user_id"]);
}

async function auditOf(action: string): Promise<Record<string, unknown>[]> {
  const { body } = await send("GET", `/api/v1/admin/audit-logs/acme?action=${action}`, root);
  return body["logs"] as Record<string, unknown>[];
}

function codeOf({ status, body }: Answer): unknown[] {
  return [status, body["error"]];
}

describe("the people of an organization over HTTP", () => {
  it("come from the owner's invite to a team that changes hands, each step with one audit row", {
    timeout: 60_000,
  }, async () => {
    const owner = await signIn("O@acme.test");
    const ownerId = await userIdOf(owner);

    const me = await send("GET", "/api/v1/me", owner);
    const ada = await join(owner, "ada@example.com", "admin");
    const bob = await join(ada.headers, "bob@example.com", "read_only");
    const requestId = { "x-request-id": "req-of-the-role" };
    const raised = await send(
      "PUT",
      `${base}/members/${bob.userId}`,
      { ...ada.headers, ...requestId },
      { role: "MEMBER" },
    );
    const list = await send("GET", `${base}/members`, apiKey);
    const emails = await send("GET", `${base}/members/emails?role=admin`, root);
    const transfer = { to_user_id: ada.userId, confirm_org_slug: "Acme" };
    const transferred = await send("POST", `${base}/ownership/transfer`, owner, transfer);
    const left = await send("POST", `${base}/leave`, owner);
    const removed = await send("DELETE", `${base}/members/${bob.userId}`, ada.headers);

    expect(me.body["organizations"]).toMatchObject([{ org_slug: "Acme", role: "owner" }]);
    expect(raised.body).toMatchObject({ user_id: bob.userId, role: "member" });
    expect(list.body).toMatchObject({ invites: [], seats: { used: 3, held: 0, limit: 10 } });
    expect((list.body["members"] as Record<string, unknown>[]).map(({ email, role }) => [email, role])).toEqual([
      ["O@acme.test", "owner"],
      ["ada@example.com", "admin"],
      ["bob@example.com", "member"],
    ]);
    expect(emails.body).toEqual({ emails: ["ada@example.com"] });
    expect([transferred, left, removed].map(({ status, body }) => [status, body])).toEqual([
      [200, { org_slug: "Acme", owner_user_id: ada.userId, previous_owner_user_id: ownerId }],
      [200, { org_slug: "Acme", user_id: ownerId, status: "LEFT" }],
      [200, { org_slug: "Acme", user_id: bob.userId, status: "REMOVED" }],
    ]);
    const rows = Object.fromEntries(
      await Promise.all(
        ["member.role_changed", "ownership.transferred", "member.left", "member.removed", "invite.created"].map(
          async (action) => [action, await auditOf(action)] as const,
        ),
      ),
    );
    expect(rows).toMatchObject({
      "member.role_changed": [
        {
          user_id: ada.userId,
          resource_id: bob.userId,
          request_id: "req-of-the-role",
          details: { role: { old: "viewer", new: "member" } },
        },
      ],
      "ownership.transferred": [{ user_id: ownerId, resource_id: ada.userId }],
      "member.left": [{ user_id: ownerId, resource_id: ownerId }],
      "member.removed": [{ user_id: ada.userId, resource_id: bob.userId }],
      "invite.created": [{ user_id: ada.userId }, { user_id: ownerId }],
    });
    const accepted = await auditOf("invite.accepted");
    expect(accepted.map(({ user_id, actor_kind }) => [user_id, actor_kind])).toEqual([
      [bob.userId, "member"],
      [ada.userId, "member"],
      [ownerId, "member"],
    ]);
  });

  it("lose their access with their membership", { timeout: 60_000 }, async () => {
    const owner = await signIn("o@acme.test");
    const ada = await join(owner, "ada@example.com");

    const before = await send("GET", `${base}/members`, ada.headers);
    await send("POST", `${base}/leave`, ada.headers);
    const invite = await send("POST", `${base}/invites`, owner, { email: "ada@example.com" });

    expect(before.status).toBe(200);
    expect(invite.status).toBe(201);
    expect(codeOf(await send("POST", `${base}/leave`, ada.headers))).toEqual([404, "MEMBER_NOT_FOUND"]);
  });

  it("are invited again, refused, previewed and declined", { timeout: 60_000 }, async () => {
    const owner = await signIn("o@acme.test");
    const created = await send("POST", `${base}/invites`, owner, { email: "eve@example.com", message: "come" });
    const id = String(created.body["invite_id"]);
    const old = await mailedToken(host, rootKey, "eve@example.com");

    const again = await send("POST", `${base}/invites`, owner, { email: "EVE@example.com" });
    const resent = await send("POST", `${base}/invites/${id}/resend`, owner);
    const token = await mailedToken(host, rootKey, "eve@example.com");
    const previews = [old, token].map((each) => send("POST", "/api/v1/invites/preview", {}, { token: each }));
    const [dead, shown] = await Promise.all(previews);
    const eve = await signIn("eve@example.com");
    const me = await send("GET", "/api/v1/me", eve);
    const declined = await send("POST", "/api/v1/invites/decline", eve, { invite_id: id });
    const list = await send("GET", `${base}/invites?status=declined`, apiKey);
    const second = await send("POST", `${base}/invites`, owner, { email: "eve@example.com" });
    const cancelled = await send("DELETE", `${base}/invites/${String(second.body["invite_id"])}`, apiKey);

    expect(codeOf(again)).toEqual([409, "INVITE_PENDING"]);
    expect([resent.status, resent.body["invite_id"]]).toEqual([200, id]);
    expect(dead && codeOf(dead)).toEqual([404, "INVITE_NOT_FOUND"]);
    expect(shown?.body).toMatchObject({ company_name: "Acme", role: "member", email: "e***@example.com" });
    expect(me.body["pending_invites"]).toMatchObject([{ invite_id: id, org_slug: "Acme", role: "member" }]);
    expect(declined.body).toEqual({ org_slug: "Acme", status: "DECLINED" });
    expect(list.body["invites"]).toMatchObject([{ invite_id: id, status: "DECLINED" }]);
    expect(cancelled.body).toMatchObject({ status: "CANCELLED" });
    for (const action of ["invite.resent", "invite.declined", "invite.cancelled"])
      expect(await auditOf(action)).toMatchObject([{ resource_type: "invite", status: "SUCCESS" }]);
  });

  it("get a new owner by the operator's word, once the invited person signs in", { timeout: 60_000 }, async () => {
    const owner = await signIn("o@acme.test");
    const path = "/api/v1/admin/organizations/ACME/owner-invite";

    const plain = await send("POST", path, root, { email: "next@acme.test" });
    const invited = await send("POST", path, root, { email: "next@acme.test", replace: true });
    const next = await signIn("next@acme.test");

    expect(codeOf(plain)).toEqual([409, "OWNER_REQUIRED"]);
    expect([invited.status, invited.body["role"]]).toEqual([201, "owner"]);
    const { body } = await send("GET", `${base}/members`, next);
    expect((body["members"] as Record<string, unknown>[]).map(({ email, role }) => [email, role])).toEqual([
      ["o@acme.test", "admin"],
      ["next@acme.test", "owner"],
    ]);
    expect(codeOf(await send("POST", path, owner, { email: "a@b.c" }))).toEqual([403, "FORBIDDEN"]);
  });

  it("answer the same when an invite is sent twice under one Idempotency-Key", { timeout: 60_000 }, async () => {
    const headers = { ...apiKey, "idempotency-key": "one" };

    const answers = [1, 2].map(() => send("POST", `${base}/invites`, headers, { email: "ada@example.com" }));
    const settled = await Promise.all(answers);
    const later = await send("POST", `${base}/invites`, headers, { email: "ada@example.com" });

    const made = settled.find(({ status }) => status === 201);
    expect([later.status, later.body]).toEqual([201, made?.body]);
    expect(await auditOf("invite.created")).toHaveLength(1);
  });
});

describe("invites", () => {
  it("are ten an hour, sent again or not", { timeout: 60_000 }, async () => {
    await open({ RATE_LIMIT_ENABLED: "true" });
    const invite = (at: number) => send("POST", `${base}/invites`, apiKey, { email: `p${at}@example.com` });
    const first = await invite(0);
    const again = () => send("POST", `${base}/invites/${String(first.body["invite_id"])}/resend`, apiKey);

    const statuses = [];
    for (let at = 1; at < 9; at++) statuses.push((await invite(at)).status);
    statuses.push((await again()).status);
    const refused = [await again(), await invite(10)];

    expect(statuses).toEqual([201, 201, 201, 201, 201, 201, 201, 201, 200]);
    expect(refused.map(codeOf)).toEqual([
      [429, "RATE_LIMITED"],
      [429, "RATE_LIMITED"],
    ]);
    expect(Number(refused[0]?.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});
