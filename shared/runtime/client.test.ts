import { describe, expect, it } from "vitest";
import { clientOf, presentedOf, sessionCookie } from "./client.ts";
import { type Configuration, readConfiguration } from "./config.ts";
import type { RawRequest } from "./request.ts";

const value = "v".repeat(43);

async function configuration(change: Partial<Configuration> = {}): Promise<Configuration> {
  return { ...(await readConfiguration({ ENVIRONMENT: "test", CORS_ORIGINS: "https://app.example" })), ...change };
}

function request(headers: RawRequest["headers"], method = "POST"): RawRequest {
  const nothing = { query: new URLSearchParams(), queryBytes: 0, rawBody: Buffer.alloc(0) };
  return { method, path: "/", headers, address: "127.0.0.1", ...nothing };
}

describe("where a request comes from", () => {
  it.each<[headers: RawRequest["headers"], isForeign: boolean]>([
    [{}, false],
    [{ origin: "https://app.example" }, false],
    [{ origin: "https://console.example" }, false],
    [{ origin: "https://api.example", host: "api.example" }, false],
    [{ origin: "https://api.example", host: "other.example" }, true],
    [{ origin: "https://app.example.evil.example", host: "api.example" }, true],
    [{ origin: "null", host: "api.example" }, true],
    [{ origin: "", host: "" }, true],
    [{ "sec-fetch-site": "cross-site" }, true],
    [{ "sec-fetch-site": "cross-site", origin: "https://app.example" }, true],
    [{ "sec-fetch-site": "same-site", origin: "https://app.example" }, false],
  ])("%j is foreign: %s", async (headers, isForeign) => {
    const config = await configuration({ CONSOLE_URL: "https://console.example/app" });

    expect(clientOf(request(headers), config).isForeign).toBe(isForeign);
  });
});

describe("the session cookie", () => {
  it.each<[environment: Configuration["ENVIRONMENT"], host: string, name: string]>([
    ["development", "localhost:8000", "ca_session"],
    ["test", "127.0.0.1:8000", "ca_session"],
    ["development", "[::1]:8000", "ca_session"],
    ["development", "atlas.example", "__Host-ca_session"],
    ["development", "localhost.evil.example", "__Host-ca_session"],
    ["production", "localhost:8000", "__Host-ca_session"],
    ["staging", "127.0.0.1", "__Host-ca_session"],
  ])("in %s at %s is %s, and no other name is read", async (environment, host, name) => {
    const config = await configuration({ ENVIRONMENT: environment });
    const both = `ca_session=${value}1; a=b; __Host-ca_session=${value}2`;
    const client = clientOf(request({ host, cookie: both }), config);

    expect(sessionCookie("x", 60, client).startsWith(`${name}=x; Path=/; HttpOnly;`)).toBe(true);
    expect(sessionCookie("x", 60, client).includes(" Secure;")).toBe(name.startsWith("__Host-"));
    expect(client.cookie).toBe(name === "ca_session" ? `${value}1` : `${value}2`);
  });

  it("of one name twice is no session's, and an empty one is none", async () => {
    const config = await configuration();
    const cookieOf = (cookie: string) => clientOf(request({ host: "localhost", cookie }), config).cookie;

    expect(cookieOf(`ca_session=${value}; ca_session=${value}`)).not.toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect([cookieOf("ca_session="), cookieOf("xca_session=1"), cookieOf("")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("the bearer", () => {
  it("is the caller's own, whatever stands in front", async () => {
    const headers = { authorization: "Bearer here", "x-forwarded-authorization": "bearer  behind" };

    const embedded = clientOf(request(headers), await configuration({ PLATFORM: "embedded" }));
    const gcp = clientOf(request(headers), await configuration({ PLATFORM: "gcp" }));
    const withoutOwn = clientOf(request({ authorization: "Bearer gateway" }), await configuration({ PLATFORM: "gcp" }));

    expect([embedded.bearer, gcp.bearer, withoutOwn.bearer]).toEqual(["here", "behind", undefined]);
  });

  it.each(["Basic abc", "Bearer", "Bearer a b", "Token x"])("is none in %j", async (authorization) => {
    expect(clientOf(request({ authorization }), await configuration()).bearer).toBeUndefined();
  });
});

describe("what is presented", () => {
  it("tells whether the request changes something", async () => {
    const config = await configuration();
    const headers = { host: "localhost", cookie: `ca_session=${value}`, "x-csrf-token": "page" };
    const safe = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].map((method) => {
      const raw = request(headers, method);
      return presentedOf(raw, clientOf(raw, config)).cookie;
    });

    expect(safe.map((cookie) => cookie?.isSafe)).toEqual([true, true, false, false, false, false]);
    expect(safe[0]).toMatchObject({ value, csrfToken: "page", isForeign: false });
  });
});
