import { request as sendRaw } from "node:http";
import { Type } from "@sinclair/typebox";
import { describe, expect, it } from "vitest";
import notFound from "#functions/admin/not-found.ts";
import { testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import { publicAccess } from "#shared/access/caller.ts";
import { type AnyFunction, httpFunction } from "./declaration.ts";

const Seen = Type.Record(Type.String(), Type.Unknown());

function route(method: "GET" | "POST" | "PUT" | "DELETE", path: string, aliases: string[] = []): AnyFunction {
  const response = Type.Object({ route: Type.String(), params: Seen, body: Type.Unknown() });
  const body = Type.Unknown();
  return httpFunction({
    method,
    path,
    aliases,
    summary: path,
    access: publicAccess(),
    uses: [],
    body,
    response,
    handle: async ({ params, body: given }) => ({ route: `${method} ${path}`, params, body: given }),
  });
}

const functions = {
  "not-found": notFound,
  list: route("GET", "/things"),
  make: route("POST", "/things"),
  one: route("GET", "/things/{id}", ["/older/{id}"]),
  special: route("GET", "/things/special"),
  deep: route("GET", "/{a}/special/{b}"),
  left: route("GET", "/things/{id}/{b}"),
  remove: route("DELETE", "/things/{id}"),
  gap: route("GET", "/runs/{a}/{b}", ["/runs/{a}//{b}"]),
  wide: route("GET", "/runs/{a}/{b}/{c}"),
};

const origin = "https://console.test";

async function serving(): Promise<string> {
  return (await testHost({ functions, config: await testConfiguration({ CORS_ORIGINS: origin }) })).url;
}

/** Which route answered, or the error's code. */
async function seen(url: string, method = "GET"): Promise<string | undefined> {
  const answer = (await (await fetch(url, { method })).json()) as { route?: string; error?: string };
  return answer.route ?? answer.error;
}

/** A request whose method and target are sent as they stand. */
function raw(url: string, method: string, path: string): Promise<{ status: number; allow: unknown; text: string }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const sent = sendRaw({ hostname, port, method, path }, async (response) => {
      let text = "";
      for await (const part of response) text += String(part);
      resolve({ status: response.statusCode ?? 0, allow: response.headers.allow, text });
    });
    sent.once("error", reject);
    sent.end();
  });
}

describe("the local front door", () => {
  it.each([
    ["/things", "GET", "GET /things"],
    ["/things", "POST", "POST /things"],
    ["/things/7", "GET", "GET /things/{id}"],
    ["/older/7", "GET", "GET /things/{id}"],
    ["/things/7", "DELETE", "DELETE /things/{id}"],
    ["/things/special", "GET", "GET /things/special"],
    ["/things/specials", "GET", "GET /things/{id}"],
    ["/things/special/9", "GET", "GET /things/{id}/{b}"],
    ["/other/special/9", "GET", "GET /{a}/special/{b}"],
    ["/things?x=1", "GET", "INVALID_PARAMETER"],
    ["/things/", "GET", "NOT_FOUND"],
    ["//things", "GET", "NOT_FOUND"],
    ["/THINGS", "GET", "NOT_FOUND"],
    ["/things/7/8/9", "GET", "NOT_FOUND"],
    ["/things/%E0%A4%A", "GET", "NOT_FOUND"],
    ["/runs/x//z", "GET", "GET /runs/{a}/{b}"],
    ["/runs/x/y/z", "GET", "GET /runs/{a}/{b}/{c}"],
    ["/runs/x//", "GET", "NOT_FOUND"],
    ["/runs//y/z", "GET", "NOT_FOUND"],
    ["/runs/x///z", "GET", "NOT_FOUND"],
  ])("gives %s by %s to: %s", async (path, method, expected) => {
    expect(await seen((await serving()) + path, method)).toBe(expected);
  });

  it("hands parameters over decoded, one segment each", async () => {
    const url = await serving();

    const answer = await fetch(`${url}/things/a%2Fb%20%C3%A9`);

    expect(await answer.json()).toMatchObject({ params: { id: "a/b é" } });
  });

  it("answers HEAD as GET, without a body", async () => {
    const url = await serving();

    const [get, head] = [await fetch(`${url}/things/7`), await fetch(`${url}/things/7`, { method: "HEAD" })];

    expect(head.status).toBe(200);
    expect(head.headers.get("content-length")).toBe(get.headers.get("content-length"));
    expect(await head.text()).toBe("");
  });

  it.each(["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "TRACE"])(
    "answers %s at an unknown path with 404 in our shape, also where the framework has answers of its own",
    async (method) => {
      const url = await serving();

      for (const path of ["/nothing?x=1", "/robots.txt", "/favicon.ico", "/%", "/../etc/passwd"]) {
        const { status, text } = await raw(url, method, path);

        expect([path, status, JSON.parse(text).error]).toEqual([path, 404, "NOT_FOUND"]);
      }
    },
  );

  it.each([
    ["PUT", "/things", "GET, HEAD, POST"],
    ["POST", "/things/7", "DELETE, GET, HEAD"],
    ["PROPFIND", "/older/7", "GET, HEAD"],
  ])("answers %s %s with 405 and what is allowed there", async (method, path, allowed) => {
    const { status, allow, text } = await raw(await serving(), method, path);

    expect([status, allow, JSON.parse(text).error]).toEqual([405, allowed, "METHOD_NOT_ALLOWED"]);
  });

  it("answers OPTIONS with all methods of the path, and CORS for configured origins only", async () => {
    const url = await serving();
    const ask = (path: string, from: string) => fetch(url + path, { method: "OPTIONS", headers: { origin: from } });

    const known = await ask("/things/7", origin);
    const foreign = await ask("/things/7", "https://evil.test");
    const nowhere = await ask("/nothing", origin);

    expect([known.status, known.headers.get("allow")]).toEqual([204, "DELETE, GET, HEAD, OPTIONS"]);
    expect(known.headers.get("access-control-allow-methods")).toBe("DELETE, GET, HEAD");
    expect(known.headers.get("access-control-allow-origin")).toBe(origin);
    expect([...foreign.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    expect(nowhere.status).toBe(404);
  });

  it("takes a body of 1 MiB and refuses one byte more, announced or not", async () => {
    const url = await serving();
    const post = (body: string | ReadableStream) => fetch(`${url}/things`, { method: "POST", body, duplex: "half" });
    const text = (bytes: number): string => `"${"x".repeat(bytes - 2)}"`;
    const unannounced = new Blob([text(1_048_577)]).stream();

    const statuses = [
      (await post(text(1_048_576))).status,
      (await post(text(1_048_577))).status,
      (await post(unannounced)).status,
    ];

    expect(statuses).toEqual([200, 413, 413]);
  });

  it("answers malformed JSON in our shape, whatever its content type", async () => {
    const url = await serving();

    for (const type of ["application/json", "text/plain", "application/x-www-form-urlencoded"]) {
      const answer = await fetch(`${url}/things`, { method: "POST", body: "{", headers: { "content-type": type } });

      expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([400, "NOT_JSON"]);
    }
  });
});
