import { Type } from "@sinclair/typebox";
import { describe, expect, it } from "vitest";
import { loadFunctions } from "#scripts/start/functions.ts";
import { orgAccess, publicAccess, rootAccess } from "#shared/access/caller.ts";
import { httpFunction, topicFunction } from "./declaration.ts";
import { openapiOf, routesOf } from "./openapi.ts";
import { strictObject } from "./schema.ts";

const renaming = Type.String({ alsoAs: ["older_name"] });

const sample = {
  "thing-make": httpFunction({
    method: "POST",
    path: "/things/{org}",
    aliases: ["/older/{org}"],
    summary: "Makes a thing",
    access: orgAccess("quota:read", { root: true }),
    uses: [],
    query: strictObject({ dry: Type.Optional(Type.Boolean()), level: Type.Integer() }),
    body: strictObject({ name: renaming }),
    response: strictObject({ id: Type.String() }),
    statuses: [201, 200],
    errors: ["THING_EXISTS"],
    audit: { action: "thing.made", operation: "CREATE", resourceType: "thing" },
    change: async () => ({ id: "1" }),
  }),
  "thing-read": httpFunction({
    method: "GET",
    path: "/things/{org}",
    summary: "Reads a thing",
    access: rootAccess(),
    uses: [],
    response: Type.String(),
    contentType: "text/plain",
    handle: async () => "x",
  }),
  "not-found": httpFunction({
    method: "GET",
    anyMethod: true,
    path: "/{path=**}",
    summary: "Nothing",
    access: publicAccess(),
    uses: [],
    response: Type.Never(),
    handle: async () => {
      throw new Error();
    },
  }),
  reader: topicFunction({ topic: "t", message: Type.Unknown(), uses: [], handle: async () => {} }),
};

interface Operation {
  operationId: string;
  deprecated?: boolean;
  security: unknown[];
  parameters: { name: string; in: string; required: boolean }[];
  requestBody?: { content: Record<string, { schema: unknown }> };
  responses: Record<string, { description: string; content: Record<string, unknown> }>;
}

type Paths = Record<string, Record<string, Operation>>;

function pathsOf(functions: Parameters<typeof openapiOf>[0]): Paths {
  return openapiOf(functions, "1.2.3")["paths"] as Paths;
}

describe("routes", () => {
  it("are the paths and older paths of endpoints, without what takes everything", () => {
    expect(routesOf(sample)).toEqual([
      { functionName: "thing-make", method: "POST", path: "/things/{org}" },
      { functionName: "thing-make", method: "POST", path: "/older/{org}" },
      { functionName: "thing-read", method: "GET", path: "/things/{org}" },
    ]);
  });
});

describe("the OpenAPI document", () => {
  it("states parameters, body, answers and credentials as declared", () => {
    const make = pathsOf(sample)["/things/{org}"]?.["post"];

    expect(make?.parameters.map(({ name, in: place, required }) => [name, place, required])).toEqual([
      ["org", "path", true],
      ["dry", "query", false],
      ["level", "query", true],
      ["Idempotency-Key", "header", false],
    ]);
    expect(make?.security).toEqual([{ orgKey: [] }, { session: [] }, { bearer: [] }, { rootKey: [] }]);
    expect(Object.keys(make?.responses ?? {})).toEqual(["200", "201", "default"]);
    expect(make?.responses["default"]?.description).toContain("THING_EXISTS");
  });

  it("keeps our annotations to itself", () => {
    const text = JSON.stringify(openapiOf(sample, "1"));

    expect(text).toContain('"name"');
    expect(text).not.toContain("alsoAs");
    expect(text).not.toContain("older_name");
  });

  it("marks older paths as deprecated, under an id of their own", () => {
    const paths = pathsOf(sample);

    expect(paths["/older/{org}"]?.["post"]).toMatchObject({ deprecated: true, operationId: "thing-make---older-org-" });
    expect(paths["/things/{org}"]?.["post"]).not.toHaveProperty("deprecated");
  });

  it("names the content type of what is not JSON, and asks no idempotency key of reads", () => {
    const read = pathsOf(sample)["/things/{org}"]?.["get"];

    expect(read?.responses["200"]?.content).toHaveProperty("text/plain");
    expect(read?.parameters.map(({ name }) => name)).toEqual(["org"]);
    expect(read?.security).toEqual([{ rootKey: [] }]);
  });

  it("of this platform has unique operation ids and every parameter of every path", async () => {
    const paths = pathsOf(await loadFunctions());
    const operations = Object.entries(paths).flatMap(([path, item]) =>
      Object.values(item).map((operation) => ({ path, operation })),
    );

    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, operation } of operations) {
      const inPath = operation.parameters.filter((each) => each.in === "path").map(({ name }) => `{${name}}`);
      expect([path, path.match(/\{[^}]*\}/g) ?? []]).toEqual([path, inPath]);
    }
  });
});
