import { afterEach, beforeEach, expect, it } from "vitest";
import { declareQueries } from "./declared-queries.ts";
import type { Documents, Query } from "./documents.ts";
import { allDocuments, everyDocument, everyPage } from "./pages.ts";
import { sqliteDocuments } from "./sqlite-documents.ts";

const people = { collection: "people", orderBy: [{ field: "name", direction: "asc" as const }] };
const names = ["Ada", "Ben", "Cleo", "Dina", "Eve"];

let documents: Documents;

beforeEach(async () => {
  documents = sqliteDocuments({
    file: ":memory:",
    clock: { now: () => new Date("2026-03-01T00:00:00.000Z") },
    declared: async () => declareQueries([{ collection: "people", filters: [], orderBy: ["name asc"] }]),
  });
  await documents.transaction(async (tx) => {
    for (const name of names) tx.create(`people/${name.toLowerCase()}`, { name });
  });
});

afterEach(() => documents.close());

it("reads a list to its end, each document once, in its order", async () => {
  const found = await allDocuments<{ name: string }>({ ...people, limit: 2 }, documents);

  expect(found.map(({ body }) => body.name)).toEqual(names);
});

it("reads the last page although it is full", async () => {
  const sizes: number[] = [];

  for await (const page of everyPage({ ...people, limit: 5 }, documents)) sizes.push(page.documents.length);

  expect(sizes[0]).toBe(5);
  expect(sizes.slice(1).every((size) => size === 0)).toBe(true);
});

it("asks for no page that nobody reads", async () => {
  const asked: Query[] = [];
  const counted: Pick<Documents, "list"> = {
    list: (query) => {
      asked.push(query);
      return documents.list(query);
    },
  };

  for await (const { body } of everyDocument<{ name: string }>({ ...people, limit: 2 }, counted))
    if (body.name === "Cleo") break;

  expect(asked.map(({ limit, cursor }) => [limit, cursor === undefined])).toEqual([
    [2, true],
    [2, false],
  ]);
});
