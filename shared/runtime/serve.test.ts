import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getTestServer } from "@google-cloud/functions-framework/testing";
import { Type } from "@sinclair/typebox";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { publicAccess, rootAccess } from "#shared/access/caller.ts";
import type { Objects } from "#shared/platform/objects/objects.ts";
import { httpFunction } from "./declaration.ts";
import { serve } from "./serve.ts";

const answer = Type.Array(Type.String());
const uses = ["objects"] as const;

beforeEach(() => {
  vi.stubEnv("ENVIRONMENT", "test");
  vi.stubEnv("LOG_LEVEL", "silent");
  vi.stubEnv("CA_ROOT_API_KEY", "root-key-of-the-tests-0123456789abcdef");
});

afterEach(() => {
  vi.unstubAllEnvs();
});

const listing = (access = publicAccess()) =>
  httpFunction({
    method: "GET",
    path: "/names",
    summary: "Names",
    access,
    uses,
    response: answer,
    handle: (_request, { objects }) => objects.list(""),
  });

const objectsOf = (names: string[]): Objects =>
  ({ list: async () => names }) satisfies Partial<Objects> as unknown as Objects;

async function listening(name: string): Promise<string> {
  const server: Server = getTestServer(name);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/names`;
}

describe("a served function", () => {
  it("builds its adapter once, from the configuration of the process", async () => {
    const factory = vi.fn(async () => objectsOf(["a"]));
    serve("served-once", listing(), { factories: { objects: factory } });
    const url = await listening("served-once");

    const answers = await Promise.all([fetch(url), fetch(url), fetch(url)]);

    expect(await Promise.all(answers.map((each) => each.json()))).toEqual([["a"], ["a"], ["a"]]);
    expect(factory).toHaveBeenCalledTimes(1);
    expect(factory).toHaveBeenCalledWith(expect.objectContaining({ ENVIRONMENT: "test" }));
  });

  it("builds no adapter for a request that is refused", async () => {
    const factory = vi.fn(async () => objectsOf([]));
    serve("served-refusing", listing(rootAccess()), { factories: { objects: factory } });
    const url = await listening("served-refusing");

    const refused = await fetch(url);

    expect(refused.status).toBe(401);
    expect(factory).not.toHaveBeenCalled();
  });

  it("forgets a failed build: the next request tries again", async () => {
    const factory = vi.fn(async () => objectsOf(["b"])).mockRejectedValueOnce(new Error("not now"));
    serve("served-again", listing(), { factories: { objects: factory } });
    const url = await listening("served-again");

    const [first, second] = [await fetch(url), await fetch(url)];

    expect([first.status, second.status]).toEqual([500, 200]);
    expect(await second.json()).toEqual(["b"]);
  });

  it("answers malformed and compressed bodies itself, before the framework's parsers", async () => {
    serve("served-raw", listing(), { factories: { objects: async () => objectsOf([]) } });
    const url = await listening("served-raw");

    const answered = await fetch(url, { method: "POST", body: "{", headers: { "content-type": "application/json" } });

    expect([answered.status, answered.headers.get("content-type")]).toEqual([405, "application/json; charset=utf-8"]);
  });
});
