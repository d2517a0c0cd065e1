import { describe, expect, it } from "vitest";
import { send } from "#scripts/matrices/raw-http.fixture.ts";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";
import type { Documents, Query } from "#shared/platform/documents/documents.ts";
import { open as openKeys } from "#shared/platform/embedded/keys.ts";
import { open as openTopics } from "#shared/platform/embedded/topics.ts";
import { memoryDocuments } from "#shared/runtime/served.fixture.ts";
import { type Answer, call, cookieIn, mailedLink, mailedToken, ofConsole, signInOver } from "./sign-in.fixture.ts";

const root = { "x-ca-root-key": rootKey };

async function openHost(settings: Record<string, string> = {}): Promise<Host> {
  return testHost({ config: await testConfiguration({ RATE_LIMIT_ENABLED: "false", ...settings }) });
}

function requestLink(host: Host, email: string, more: object = {}): Promise<Answer> {
  return call(host.url, "POST", "/api/v1/auth/magic-link", { body: { email, ...more } });
}

function spend(host: Host, token: string, headers: Record<string, string> = {}): Promise<Answer> {
  return call(host.url, "POST", "/api/v1/auth/magic-link/verify", { body: { token }, headers });
}

function codeOf({ status, body }: Answer): unknown[] {
  return [status, body["error"]];
}

describe("a person", () => {
  it("signs in by a mailed link without any mail server, and is known afterwards", async () => {
    const host = await openHost();

    const browser = await signInOver(host, rootKey, "Ada@Example.com");
    const session = await call(host.url, "GET", "/api/v1/auth/session", { headers: { cookie: browser.cookie } });

    expect(session.status, JSON.stringify(session.body)).toBe(200);
    expect(session.body).toMatchObject({
      user: { email: "Ada@Example.com", name: null },
      organizations: [],
      csrf_token: browser.csrf,
    });
  });

  it("is the same person whatever the case of the address", async () => {
    const host = await openHost();
    const who = async (email: string): Promise<unknown> => {
      const headers = ofConsole(await signInOver(host, rootKey, email));
      const { body } = await call(host.url, "GET", "/api/v1/me", { headers });
      return (body["user"] as Record<string, unknown>)["user_id"];
    };

    expect(await who("ada@example.com")).toBe(await who("ADA@example.com"));
  });

  it("owns the organization they were invited to own, by signing in alone", async () => {
    const host = await openHost();
    await call(host.url, "POST", "/api/v1/admin/bootstrap", { headers: root, body: {} });
    const request = { org_slug: "Acme", company_name: "Acme Inc.", admin_email: "owner@acme.test" };
    const made = await call(host.url, "POST", "/api/v1/organizations/onboard", { headers: root, body: request });
    expect(made.status, JSON.stringify(made.body)).toBe(200);
    await call(host.url, "POST", "/api/v1/admin/organizations/acme/owner-invite", {
      headers: root,
      body: { email: "owner@acme.test" },
    });

    const browser = await signInOver(host, rootKey, "OWNER@acme.test");
    const quota = await call(host.url, "GET", "/api/v1/organizations/ACME/quota", { headers: ofConsole(browser) });
    const me = await call(host.url, "GET", "/api/v1/me", { headers: ofConsole(browser) });

    expect(me.body).toMatchObject({
      organizations: [{ org_slug: "Acme", company_name: "Acme Inc.", role: "owner", status: "ACTIVE" }],
      pending_invites: [],
    });
    expect([quota.status, quota.body["org_slug"]]).toEqual([200, "Acme"]);
  });
});

describe("a sign-in link", () => {
  it("gets one of a hundred tries at once in", async () => {
    const host = await openHost();
    await requestLink(host, "ada@example.com");
    const token = await mailedToken(host, rootKey, "ada@example.com");

    const answers = await Promise.all(Array.from({ length: 100 }, () => spend(host, token)));

    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array.from({ length: 99 }, () => 401)]);
    expect(new Set(answers.map(({ body }) => body["message"])).size).toBe(2);
  });

  it("carries its token in the fragment, so that opening it spends nothing", async () => {
    const host = await openHost({ CONSOLE_URL: "https://console.example.com/app/" });
    await requestLink(host, "ada@example.com", { next: "/costs?a=b" });

    const link = new URL(await mailedLink(host, rootKey, "ada@example.com"));
    const asPath = await call(host.url, "GET", `/api/v1/auth/magic-link/verify?token=x`);
    const token = new URLSearchParams(link.hash.slice(1)).get("token") ?? "";

    expect(link.href.split("#")[0]).toBe("https://console.example.com/app/sign-in");
    expect(new URLSearchParams(link.hash.slice(1)).get("next")).toBe("/costs?a=b");
    expect(asPath.status).toBe(405);
    expect((await spend(host, token)).status).toBe(200);
  });

  it("dies with the next one for the same address", async () => {
    const host = await openHost();
    await requestLink(host, "ada@example.com");
    const former = await mailedToken(host, rootKey, "ada@example.com");
    await requestLink(host, "Ada@Example.com");
    const later = await mailedToken(host, rootKey, "Ada@Example.com");

    expect(former).not.toBe(later);
    expect(codeOf(await spend(host, former))).toEqual([401, "UNAUTHENTICATED"]);
    expect((await spend(host, later)).status).toBe(200);
  });

  it.each([
    ["nothing like a token", "x"],
    ["another kind", `erase_${"0".repeat(43)}000000`],
    ["a wrong checksum", `signin_${"0".repeat(49)}`],
  ])("that is %s is the one 401", async (_what, token) => {
    const host = await openHost();

    expect(codeOf(await spend(host, token))).toEqual([401, "UNAUTHENTICATED"]);
  });

  it.each(["//evil.example", "https://evil.example", "/\\evil", "x", "/a\u0000"])(
    "leads on within the console only: %j is refused",
    async (next) => {
      const host = await openHost();

      expect((await requestLink(host, "ada@example.com", { next })).status).toBe(422);
    },
  );

  it("is asked for by the same answer, known address or not, and looks nobody up", async () => {
    const read: string[] = [];
    const config = await testConfiguration({ RATE_LIMIT_ENABLED: "false" });
    const documents = notingReads(memoryDocuments({ now: () => new Date() }), read);
    const host = await testHost({ config, ports: { documents } });
    await signInOver(host, rootKey, "known@example.com");
    read.length = 0;

    const known = await requestLink(host, "known@example.com");
    const ofKnown = read.splice(0).map((path) => path.split("/")[0]);
    const unknown = await requestLink(host, "unknown@example.com");
    const ofUnknown = read.splice(0).map((path) => path.split("/")[0]);

    expect([known.status, known.body]).toEqual([unknown.status, unknown.body]);
    expect(ofKnown).toEqual(ofUnknown);
    expect(ofKnown).not.toContain("emails");
    expect(ofKnown).not.toContain("users");
  });

  it("takes the same calls of every port and as long, known address or not", { timeout: 60_000 }, async () => {
    const calls: string[] = [];
    const config = await testConfiguration({ RATE_LIMIT_ENABLED: "false" });
    const opened = memoryDocuments({ now: () => new Date() });
    const documents: Documents = {
      ...noting("documents", opened, calls),
      transaction: (body) => opened.transaction((tx) => body(noting("transaction", tx, calls))),
    };
    const keys = noting("keys", await openKeys(config), calls);
    const topics = await openTopics(config);
    const publish: typeof topics.publish = (messages) => {
      calls.push(...messages.map(({ topic }) => `publish ${topic}`));
      return topics.publish(messages);
    };
    const host = await testHost({ config, ports: { documents, keys, topics: { ...topics, publish } } });
    await signInOver(host, rootKey, "known@example.com");
    const asked = async (email: string): Promise<{ calls: string[]; milliseconds: number }> => {
      await host.idle();
      calls.length = 0;
      const startedAt = performance.now();
      await requestLink(host, email);
      const milliseconds = performance.now() - startedAt;
      await host.idle();
      return { calls: calls.splice(0).toSorted(), milliseconds };
    };

    const known = [];
    const unknown = [];
    for (let round = 0; round < 40; round++) {
      known.push(await asked("known@example.com"));
      unknown.push(await asked("nobody@example.com"));
    }

    expect(known[0]?.calls).toEqual(expect.arrayContaining(["keys.seal", "publish mail", "transaction.create"]));
    expect(known.map((each) => each.calls)).toEqual(unknown.map((each) => each.calls));
    // Asked in turns, so that whatever else the machine does slows both; a look-up or a mail more would show.
    const ratio = median(known.slice(5)) / median(unknown.slice(5));
    expect(ratio, `${ratio}`).toBeGreaterThan(0.5);
    expect(ratio, `${ratio}`).toBeLessThan(2);
  });

  it("cannot be spent by another site's page", async () => {
    const host = await openHost();
    await requestLink(host, "ada@example.com");
    const token = await mailedToken(host, rootKey, "ada@example.com");

    const foreign = await spend(host, token, { origin: "https://evil.example" });
    const crossSite = await spend(host, token, { "sec-fetch-site": "cross-site" });
    const own = await spend(host, token, { origin: host.url });

    expect([codeOf(foreign), codeOf(crossSite)]).toEqual([
      [403, "CSRF_FAILED"],
      [403, "CSRF_FAILED"],
    ]);
    expect(own.status).toBe(200);
  });

  it("is limited per address of the person and per address of the network", async () => {
    const host = await openHost({ RATE_LIMIT_ENABLED: "true" });
    const statuses: number[] = [];
    for (let at = 0; at < 6; at++) statuses.push((await requestLink(host, "Ada@example.com")).status);
    for (let at = 0; at < 16; at++) statuses.push((await requestLink(host, `other${at}@example.com`)).status);

    expect(statuses.slice(0, 6)).toEqual([202, 202, 202, 202, 202, 429]);
    expect(statuses.filter((status) => status === 202).length).toBeLessThanOrEqual(20);
    expect(statuses.at(-1)).toBe(429);
  });
});

describe("the session cookie", () => {
  it("is not to be read by scripts, and has no TLS only on this machine in development", async () => {
    const host = await openHost();
    const onLoopback = await signedInAnswer(host, {});
    await requestLink(host, "ada@example.com");
    const token = await mailedToken(host, rootKey, "ada@example.com");
    const elsewhere = await send(host.url, {
      method: "POST",
      path: "/api/v1/auth/magic-link/verify",
      headers: { host: "atlas.example.com" },
      body: JSON.stringify({ token }),
    });
    const [cookie = ""] = elsewhere.headers["set-cookie"] ?? [];
    const path = "/api/v1/me";
    const value = cookie.split(";")[0] ?? "";
    const strict = await send(host.url, { method: "GET", path, headers: { host: "atlas.example.com", cookie: value } });
    const plain = { host: "atlas.example.com", cookie: value.replace("__Host-", "") };
    const downgraded = await send(host.url, { method: "GET", path, headers: plain });

    expect(onLoopback.headers.get("set-cookie")).toMatch(
      /^ca_session=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=2592000$/,
    );
    expect(cookie).toMatch(
      /^__Host-ca_session=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax; Max-Age=2592000$/,
    );
    expect([strict.status, downgraded.status]).toEqual([200, 401]);
  });

  it("changes nothing without the session's token or from another site", async () => {
    const host = await openHost();
    const browser = await signInOver(host, rootKey, "ada@example.com");
    const rename = (headers: Record<string, string>): Promise<Answer> =>
      call(host.url, "PATCH", "/api/v1/me", { body: { name: "Ada" }, headers });
    const { cookie, csrf } = browser;

    const refused = [
      await rename({ cookie }),
      await rename({ cookie, "x-csrf-token": `${csrf}x` }),
      await rename({ ...ofConsole(browser), origin: "https://evil.example" }),
      await rename({ ...ofConsole(browser), origin: "null" }),
      await rename({ ...ofConsole(browser), "sec-fetch-site": "cross-site" }),
    ];
    const taken = await rename({ ...ofConsole(browser), origin: host.url, "sec-fetch-site": "same-origin" });

    expect(refused.map(codeOf)).toEqual(refused.map(() => [403, "CSRF_FAILED"]));
    expect([taken.status, taken.body["name"]]).toEqual([200, "Ada"]);
  });

  it("and a bearer must be the same person's", async () => {
    const host = await openHost();
    const ada = await signInOver(host, rootKey, "ada@example.com");
    const bob = await signInOver(host, rootKey, "bob@example.com");
    const { body } = await call(host.url, "POST", "/api/v1/auth/token", { headers: ofConsole(ada) });
    const authorization = `Bearer ${String(body["access_token"])}`;
    const me = (headers: Record<string, string>): Promise<Answer> => call(host.url, "GET", "/api/v1/me", { headers });

    const [alone, own, others] = [
      await me({ authorization }),
      await me({ authorization, cookie: ada.cookie }),
      await me({ authorization, cookie: bob.cookie }),
    ];

    expect([alone.status, own.status]).toEqual([200, 200]);
    expect(codeOf(others)).toEqual([401, "UNAUTHENTICATED"]);
  });

  it("ends, and every token with it, when the person signs out", async () => {
    const host = await openHost();
    const browser = await signInOver(host, rootKey, "ada@example.com");
    const token = await call(host.url, "POST", "/api/v1/auth/token", { headers: ofConsole(browser) });
    const authorization = `Bearer ${String(token.body["access_token"])}`;

    const out = await call(host.url, "DELETE", "/api/v1/auth/session", { headers: ofConsole(browser) });
    const after = [
      await call(host.url, "GET", "/api/v1/me", { headers: ofConsole(browser) }),
      await call(host.url, "GET", "/api/v1/me", { headers: { authorization } }),
    ];

    expect([out.status, cookieIn(out)]).toEqual([200, "ca_session="]);
    expect(after.map(codeOf)).toEqual(after.map(() => [401, "UNAUTHENTICATED"]));
  });

  it("of every device ends when the person signs out everywhere, and nobody else's", async () => {
    const host = await openHost();
    const devices = [
      await signInOver(host, rootKey, "ada@example.com"),
      await signInOver(host, rootKey, "ada@example.com"),
    ];
    const bob = await signInOver(host, rootKey, "bob@example.com");
    const [first] = devices;

    const out = await call(host.url, "POST", "/api/v1/auth/sign-out-all", { headers: ofConsole(first as never) });
    const statuses: number[] = [];
    for (const browser of [...devices, bob])
      statuses.push((await call(host.url, "GET", "/api/v1/me", { headers: ofConsole(browser) })).status);

    expect(out.body).toMatchObject({ status: "signed_out", sessions_ended: 2 });
    expect(statuses).toEqual([401, 401, 200]);
  });
});

/** The store, with the path of every document and collection that is read noted. */
function notingReads(documents: Documents, read: string[]): Documents {
  const noted = <T extends Pick<Documents, "get" | "getAll" | "list">>(reader: T): T => ({
    ...reader,
    get: (path: string) => {
      read.push(path);
      return reader.get(path);
    },
    getAll: (paths: readonly string[]) => {
      read.push(...paths);
      return reader.getAll(paths);
    },
    list: (query: Query) => {
      read.push(query.collection);
      return reader.list(query);
    },
  });
  return { ...noted(documents), transaction: (body) => documents.transaction((tx) => body(noted(tx))) };
}

/** The port with every call written down as `<port>.<verb>`. */
function noting<T extends object>(name: string, port: T, calls: string[]): T {
  return new Proxy(port, {
    get: (target, verb, receiver) => {
      const member: unknown = Reflect.get(target, verb, receiver);
      if (typeof member !== "function") return member;
      return (...given: unknown[]): unknown => {
        calls.push(`${name}.${String(verb)}`);
        return Reflect.apply(member, target, given);
      };
    },
  });
}

function median(asked: readonly { milliseconds: number }[]): number {
  const sorted = asked.map(({ milliseconds }) => milliseconds).toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

async function signedInAnswer(host: Host, headers: Record<string, string>): Promise<Answer> {
  await requestLink(host, "ada@example.com");
  return spend(host, await mailedToken(host, rootKey, "ada@example.com"), headers);
}
