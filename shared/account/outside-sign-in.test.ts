import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";
import { type IssuerDouble, startIssuerDouble } from "#shared/sessions/issuer.fixture.ts";
import { type Answer, call, cookieIn, mailedToken, ofConsole, signInOver } from "./sign-in.fixture.ts";

let issuer: IssuerDouble;
let other: IssuerDouble;
let host: Host;

beforeEach(async () => {
  [issuer, other] = [await startIssuerDouble(), await startIssuerDouble("other-project")];
  const trusted = [issuer, other].map(({ url, audience }) => ({ issuer: url, audience }));
  const settings = { RATE_LIMIT_ENABLED: "false", OIDC_ISSUERS: JSON.stringify(trusted) };
  host = await testHost({ config: await testConfiguration(settings) });
});

afterEach(async () => {
  await issuer.close();
  await other.close();
});

function signIn(token: string): Promise<Answer> {
  return call(host.url, "POST", "/api/v1/auth/session", { headers: { authorization: `Bearer ${token}` } });
}

function userId({ body }: Answer): unknown {
  return (body["user"] as Record<string, unknown> | undefined)?.["user_id"];
}

function codeOf({ status, body }: Answer): unknown[] {
  return [status, body["error"]];
}

describe("a sign-in with an outside issuer's token", () => {
  it("begins the same session as a mailed link does", async () => {
    const answer = await signIn(await issuer.token({ email: "Ada@example.com" }));
    const me = await call(host.url, "GET", "/api/v1/me", { headers: { cookie: cookieIn(answer) } });

    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    expect(answer.body).toMatchObject({ user: { email: "Ada@example.com" }, organizations: [] });
    expect([me.status, userId(me)]).toEqual([200, userId(answer)]);
  });

  it("joins the person of its verified e-mail, and only then", async () => {
    await signInOver(host, rootKey, "ada@example.com");
    const claimed = await signIn(await issuer.token({ sub: "thief", email_verified: false }));
    const joined = await signIn(await issuer.token({ sub: "ada", email: "ADA@example.com" }));
    const elsewhere = await signIn(await other.token({ sub: "ada" }));
    const again = await signIn(await issuer.token({ sub: "ada", email: undefined }));

    expect(codeOf(claimed)).toEqual([403, "EMAIL_UNVERIFIED"]);
    expect([joined.status, elsewhere.status, again.status]).toEqual([200, 200, 200]);
    expect(new Set([joined, elsewhere, again].map(userId)).size).toBe(1);
  });

  it("keeps subjects of different issuers apart", async () => {
    const here = await signIn(await issuer.token({ sub: "same", email: "here@example.com" }));
    const there = await signIn(await other.token({ sub: "same", email: "there@example.com" }));

    expect(userId(here)).not.toBe(userId(there));
  });

  it("makes one person of many first sign-ins at once", async () => {
    const token = await issuer.token({ email: "new@example.com" });
    await mailedTokenFor("new@example.com");
    const link = await mailedToken(host, rootKey, "new@example.com");

    const answers = await Promise.all([
      ...Array.from({ length: 10 }, () => signIn(token)),
      call(host.url, "POST", "/api/v1/auth/magic-link/verify", { body: { token: link } }),
    ]);

    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(new Set(answers.map(userId)).size).toBe(1);
  });

  it("takes no role and no organization from the token, and the token opens nothing else", async () => {
    const token = await issuer.token({ role: "owner", org: "acme", app_metadata: { role: "owner" } });
    const answer = await signIn(token);
    const direct = await call(host.url, "GET", "/api/v1/me", { headers: { authorization: `Bearer ${token}` } });

    expect(answer.body["organizations"]).toEqual([]);
    expect(codeOf(direct)).toEqual([401, "UNAUTHENTICATED"]);
  });

  it("is the one 401 without a token, with one of our own or of a stranger", async () => {
    const stranger = await startIssuerDouble();
    const browser = await signInOver(host, rootKey, "ada@example.com");
    const own = await call(host.url, "POST", "/api/v1/auth/token", { headers: ofConsole(browser) });
    const answers = [
      await call(host.url, "POST", "/api/v1/auth/session"),
      await signIn(String(own.body["access_token"])),
      await signIn(await stranger.token()),
    ];
    await stranger.close();

    expect(answers.map(codeOf)).toEqual(answers.map(() => [401, "UNAUTHENTICATED"]));
  });

  it("is 503 while the issuer is down, and says nothing about it", async () => {
    issuer.mode = "down";
    const answer = await signIn(await issuer.token());

    expect(codeOf(answer)).toEqual([503, "IDENTITY_ISSUER_UNAVAILABLE"]);
    expect(JSON.stringify(answer.body)).not.toContain(issuer.url);
  });
});

function mailedTokenFor(email: string): Promise<Answer> {
  return call(host.url, "POST", "/api/v1/auth/magic-link", { body: { email } });
}
