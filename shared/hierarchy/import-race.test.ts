import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freshStores, goldenOrg, type Stores } from "#shared/costs/publication.fixture.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import { commitChange } from "#shared/runtime/change.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { allocator } from "./allocate.ts";
import { testInput, testKey, testLevels, testRule, testTree } from "./allocation.fixture.ts";
import { hierarchyStatePath } from "./default-levels.ts";
import type { EntityAnswer, EntityDocument } from "./entity.ts";
import { createEntity } from "./entity-create.ts";
import { deleteEntity, restoreEntity } from "./entity-delete.ts";
import { moveEntity, updateEntity } from "./entity-update.ts";
import { currentTree, type HierarchyShard, shardOf, shardPath } from "./hierarchy-store.ts";
import { type ImportAnswer, importHierarchy } from "./import.ts";
import { formerStructure, versionsOf } from "./journal.ts";
import type { StructurePorts } from "./structure-change.ts";
import { pathOf, type Tree } from "./tree.ts";

const root = { kind: "root", credentialId: "root" } as const;
const on = { org: goldenOrg, caller: root, kinds: [] };
let stores: Stores;
let ports: StructurePorts;

beforeEach(async () => {
  stores = await freshStores({ now: "2026-03-05T06:00:00Z" });
  ports = { ...stores, ids: systemIds };
  await stores.documents.transaction(async (tx) =>
    tx.create(hierarchyStatePath(goldenOrg), { levels: testLevels, counters: {}, entityCount: 0 }),
  );
});
afterEach(() => stores.close());

function effects<T>(documents: Documents = stores.documents): Effects<T> {
  const topics = inProcessTopics({});
  return {
    commit: (body) => commitChange(body, { ...ports, documents, topics }),
    prepare: async () => {},
    conclude: () => {},
    audit: () => {},
  };
}

function imported(rows: readonly string[], options: { expected_version?: number } = {}) {
  const csv_content = ["entity_id,entity_name,level,level_code,parent_id", ...rows].join("\n");
  const request = {
    ...{ csv_content, mode: "merge" as const, force: true, fail_fast: true, confirm_delete_all: false },
    ...options,
  };
  return importHierarchy({ ...on, request }, effects<ImportAnswer>(), ports);
}

const codeOf = (result: PromiseSettledResult<unknown>): string =>
  result.status === "fulfilled" ? "done" : isAppError(result.reason) ? result.reason.code : String(result.reason);

/** The tree as everything that is stored tells it: no orphan, one parent, shards and journal alike. */
async function checkedTree(): Promise<Tree> {
  const tree = await currentTree(goldenOrg, stores.documents);
  const page = await stores.documents.list<EntityDocument>({
    collection: `orgs/${goldenOrg.key}/entities`,
    limit: 500,
  });
  const active = page.documents.filter(({ body }) => body.isActive);
  expect([...tree.nodes.keys()].sort()).toEqual(active.map(({ body }) => body.entityId).sort());
  for (const { body } of active) {
    const { body: shard } = await stores.documents.get<HierarchyShard>(shardPath(goldenOrg, shardOf(body.entityId)));
    expect(shard?.nodes[body.entityId]).toMatchObject({ parentId: body.parentId, name: body.entityName });
    expect(pathOf(tree, body.entityId).split("/").length - 1).toBe(body.level);
  }
  const { versions } = await versionsOf(goldenOrg, { limit: 500 }, stores.documents);
  expect(versions.map(({ version }) => version)).toEqual(versions.map((_, at) => tree.version - at));
  return tree;
}

describe("imports at the same time", () => {
  it("of the same version: one wins, the other has a conflict, and nothing of it stands", async () => {
    await imported(["A,Dep,1,department,"]);
    const { version } = await currentTree(goldenOrg, stores.documents);
    const of = (name: string) =>
      imported(
        Array.from({ length: 50 }, (_, at) => `${name}-${at},${name},1,department,`),
        { expected_version: version },
      );

    const results = await Promise.allSettled([of("X"), of("Y")]);

    expect(results.map(codeOf).sort()).toEqual(["VERSION_CONFLICT", "done"]);
    const tree = await checkedTree();
    expect(new Set([...tree.nodes.values()].map(({ name }) => name)).size).toBe(2);
    expect([tree.nodes.size, tree.version]).toEqual([51, version + 1]);
  });

  it("as a move: either order leaves a whole tree, the import's rows all or none", async () => {
    await imported(["A,A,1,department,", "B,B,1,department,", "P,P,2,project,A", "T,T,3,team,P"]);
    const rows = ["P,Renamed,2,project,A", "Q,Q,2,project,P2", "P2,P2,1,department,"];

    const results = await Promise.allSettled([
      imported(rows),
      moveEntity({ ...on, entityId: "P", request: { new_parent_id: "B" } }, effects<EntityAnswer>(), ports),
    ]);

    expect(results.map(codeOf)).toEqual(["done", "done"]);
    const tree = await checkedTree();
    expect([tree.nodes.get("P")?.name, tree.nodes.get("Q")?.parentId]).toEqual(["Renamed", "P2"]);
    expect(["/A/P/T", "/B/P/T"]).toContain(pathOf(tree, "T"));
  });

  it("as the end of an entity that the file names as parent: no orphan comes of it", async () => {
    await imported(["A,A,1,department,"]);

    const results = await Promise.allSettled([
      imported(["P,P,2,project,A"]),
      deleteEntity({ ...on, entityId: "A", query: { force: true } }, effects<null>(), ports),
    ]);

    const tree = await checkedTree();
    expect(["done,done", "HIERARCHY_IMPORT_INVALID,done"]).toContain(results.map(codeOf).join());
    expect(tree.nodes.size).toBe(0);
  });
});

describe("200 random changes, half of them with a crash before or after the commit", () => {
  it("leave whole versions; any former version is still the tree it was (H2, H5)", async () => {
    await imported(["A,A,1,department,", "B,B,1,department,", "C,C,1,department,"]);
    const change = fc.record({
      kind: fc.constantFrom("create", "move", "rename", "delete", "force", "restore"),
      entity: fc.integer({ min: 0, max: 30 }),
      parent: fc.constantFrom("A", "B", "C", "P0", "P1", "P2"),
      crash: fc.constantFrom("none", "none", "before", "after"),
    });
    const [changes = []] = fc.sample(fc.array(change, { minLength: 200, maxLength: 200 }), { numRuns: 1, seed: 42 });
    const seen: Tree[] = [await checkedTree()];
    let done = 0;

    for (const [at, { kind, entity, parent, crash }] of changes.entries()) {
      const documents = crash === "none" ? stores.documents : crashing(stores.documents, crash);
      const entityId = `P${entity % 5}`;
      const by = effects<EntityAnswer>(documents);
      const run = {
        create: () =>
          createEntity(
            {
              ...on,
              request: { entity_id: entityId, entity_name: `N${at}`, level_code: "project", parent_id: parent },
            },
            by,
            ports,
          ),
        move: () => moveEntity({ ...on, entityId, request: { new_parent_id: parent } }, by, ports),
        rename: () => updateEntity({ ...on, entityId, request: { entity_name: `R${at}` } }, by, ports),
        delete: () => deleteEntity({ ...on, entityId, query: { force: false } }, effects<null>(documents), ports),
        force: () => deleteEntity({ ...on, entityId, query: { force: true } }, effects<null>(documents), ports),
        restore: () => restoreEntity({ ...on, entityId, request: {} }, by, ports),
      }[kind];
      const [result] = await Promise.allSettled([run()]);
      const tree = await currentTree(goldenOrg, stores.documents);
      if (result?.status === "fulfilled") done += 1;
      else if (crash !== "after" || codeOf(result as PromiseSettledResult<unknown>) !== "Error: crashed")
        expect(tree.version).toBe(seen.at(-1)?.version);
      if (tree.version !== seen.at(-1)?.version) seen.push(tree);
    }

    await checkedTree();
    expect(done).toBeGreaterThan(30);
    for (const tree of seen.filter((_, at) => at % 7 === 0)) {
      const former = await formerStructure(goldenOrg, { version: tree.version }, { ...ports, now: new Date() });
      expect([...former.tree.nodes].sort()).toEqual([...tree.nodes].sort());
    }
  }, 120_000);
});

/** The process ends before a transaction commits, or after it and before anyone hears of it. */
function crashing(inner: Documents, when: "before" | "after"): Documents {
  return {
    ...inner,
    transaction: async (body) => {
      await inner.transaction(async (tx) => {
        const result = await body(tx);
        if (when === "before") throw new Error("crashed");
        return result;
      });
      throw new Error("crashed");
    },
  };
}

describe("the days of a rule", () => {
  const tree = testTree([["A", null]]);
  const rule = testRule(
    "R",
    { type: "assign", entity_id: "A" },
    { effectiveFrom: "2028-02-29", effectiveTo: "2028-03-31" },
  );
  const days: [day: string, entity: string][] = [
    ["2028-02-28", "UNALLOCATED"],
    ["2028-02-29", "A"],
    ["2028-03-01", "A"],
    ["2028-03-31", "A"],
    ["2028-04-01", "UNALLOCATED"],
  ];

  it.each(["UTC", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe"])(
    "are charge days whatever zone the process is in: %s",
    (zone) => {
      const before = process.env["TZ"];
      process.env["TZ"] = zone;
      try {
        const assign = allocator(testInput({ tree, rules: [rule] }));
        const reached = days.map(([day]) => {
          const assignment = assign(testKey({ day }));
          return [day, assignment.kind === "shares" ? assignment.shares[0]?.entityId : "spread"];
        });

        expect(reached).toEqual(days);
      } finally {
        if (before === undefined) delete process.env["TZ"];
        else process.env["TZ"] = before;
      }
    },
  );
});
