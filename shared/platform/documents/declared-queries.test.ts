import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseDocument } from "yaml";
import { AppError } from "#shared/runtime/errors.ts";
import { declareQueries } from "./declared-queries.ts";
import type { Query } from "./documents.ts";

const productFile = new URL("../../../configs/documents/indexes.yml", import.meta.url);
const productQueries = () => {
  const document = parseDocument(readFileSync(productFile, "utf8"), { uniqueKeys: true, strict: true });
  expect([...document.errors, ...document.warnings]).toEqual([]);
  return declareQueries(document.toJS({ maxAliasCount: 10 }));
};
const faultsOf = (content: unknown): readonly { path: string; problem: string }[] => {
  try {
    declareQueries(content);
  } catch (error) {
    if (error instanceof AppError && error.code === "CONFIGURATION_INVALID") return error.fields;
    throw error;
  }
  return [];
};

describe("declareQueries", () => {
  it("reads the product's file", () => {
    const { queries } = productQueries();

    expect(queries).toContainEqual({
      collection: "outbox",
      filters: ["nextAttemptAt", "shard", "state"],
      orderBy: [{ field: "nextAttemptAt", direction: "asc" }],
    });
  });

  it("lists every fault at once", () => {
    const good = { collection: "things", filters: [], orderBy: [] };

    const faults = faultsOf([
      good,
      "things",
      { collection: "orgs/acme/runs", filters: ["a b"], orderBy: ["createdAt"] },
      { collection: "orgs/*", filters: "status", orderBy: ["a up"], limit: 3 },
      { collection: "x'; DROP TABLE documents", filters: ["a", "a"], orderBy: ["a asc", "a desc"] },
      { ...good },
    ]);

    expect(faults.map((fault) => fault.path)).toEqual([
      "/1",
      "/2/collection",
      "/2/filters/0",
      "/2/orderBy/0",
      "/3/limit",
      "/3/collection",
      "/3/filters",
      "/3/orderBy/0",
      "/4/collection",
      "/4/filters",
      "/4/orderBy",
      "/5",
    ]);
  });

  it.each([undefined, null, {}, "text"])("refuses %j as content", (content) => {
    expect(faultsOf(content)).toEqual([{ path: "", problem: "must be a list of queries" }]);
  });
});

describe("assertDeclared", () => {
  const declared = declareQueries([
    { collection: "orgs/*/runs", filters: ["status"], orderBy: ["createdAt desc"] },
    { collection: "runIndex", filters: ["shard", "nextCheckAt"], orderBy: ["nextCheckAt asc"] },
  ]);
  const runs: Query = {
    collection: "orgs/acme/runs",
    filters: [{ field: "status", is: "==", value: "RUNNING" }],
    orderBy: [{ field: "createdAt", direction: "desc" }],
    limit: 10,
  };

  it("answers the declaration of any organization's collection", () => {
    expect(declared.assertDeclared(runs).collection).toBe("orgs/*/runs");
    expect(declared.assertDeclared({ ...runs, collection: "orgs/*/runs" }).collection).toBe("orgs/*/runs");
  });

  it("takes filters in any order and two bounds of one field", () => {
    const due: Query = {
      collection: "runIndex",
      filters: [
        { field: "nextCheckAt", is: "<=", value: "2026-01-02" },
        { field: "shard", is: "==", value: 3 },
        { field: "nextCheckAt", is: ">", value: "2026-01-01" },
      ],
      orderBy: [{ field: "nextCheckAt", direction: "asc" }],
      limit: 1,
    };

    expect(declared.assertDeclared(due).collection).toBe("runIndex");
  });

  it.each<[string, Partial<Query>, string]>([
    ["a collection of another depth", { collection: "runs" }, "QUERY_NOT_DECLARED"],
    ["a collection below it", { collection: "orgs/acme/runs/r/runs" }, "QUERY_NOT_DECLARED"],
    ["a document's path", { collection: "orgs/acme" }, "DOCUMENT_PATH_INVALID"],
    [
      "field names that only print alike",
      { filters: [{ field: 'status","x', is: "==", value: 1 }] },
      "QUERY_NOT_DECLARED",
    ],
    [
      "a range on a field that is not ordered by",
      { filters: [{ field: "status", is: ">", value: "A" }] },
      "QUERY_INVALID",
    ],
    ["NaN", { filters: [{ field: "status", is: "==", value: Number.NaN }] }, "QUERY_INVALID"],
  ])("refuses %s", (_, change, code) => {
    expect(() => declared.assertDeclared({ ...runs, ...change })).toThrow(expect.objectContaining({ code }));
  });
});
