import { describe, expect, it } from "vitest";
import type { Catalogue } from "./catalogue.ts";
import { pathMatcher } from "./path-matcher.ts";
import { methodsAt } from "./unmatched.ts";

const catalogue: Catalogue = {
  openapi: async () => ({}),
  routes: async () => [
    { functionName: "a", method: "GET", path: "/things/{id}" },
    { functionName: "b", method: "DELETE", path: "/things/{id}" },
    { functionName: "c", method: "POST", path: "/things/special" },
  ],
};

describe("the methods at a path", () => {
  it.each([
    ["/things/7", ["DELETE", "GET", "HEAD"]],
    ["/things/special", ["DELETE", "GET", "HEAD", "POST"]],
    ["/things", []],
    ["/things/", []],
    ["/things/%", []],
  ])("%s: %s", async (path, methods) => {
    expect(await methodsAt(path, catalogue)).toEqual(methods);
  });
});

describe("a path template that takes the rest", () => {
  const match = pathMatcher({ path: "/files/{name=**}" });

  it.each([
    ["/files/a", "a"],
    ["/files/a/b%2F/", "a/b%2F/"],
    ["/files/", ""],
    ["/files//a", "/a"],
  ])("gives %s as %j, as sent", (path, name) => {
    expect(match(path)?.params).toEqual({ name });
  });

  it.each(["/file/a", "/", "a/files/b"])("does not take %s", (path) => {
    expect(match(path)).toBeUndefined();
  });

  it("at the root takes every path", () => {
    expect(pathMatcher({ path: "/{path=**}" })("/a/b")?.params).toEqual({ path: "a/b" });
  });
});
