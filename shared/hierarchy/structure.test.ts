import { beforeEach, describe, expect, it } from "vitest";
import { freshStores, goldenOrg, type Stores } from "#shared/costs/publication.fixture.ts";
import type { Documents, Transaction } from "#shared/platform/documents/documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import { commitChange } from "#shared/runtime/change.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { testLevels } from "./allocation.fixture.ts";
import { hierarchyStatePath } from "./default-levels.ts";
import { ancestorsNamed } from "./entities-read.ts";
import type { EntityAnswer, EntityDocument } from "./entity.ts";
import { createEntity } from "./entity-create.ts";
import { deleteEntity } from "./entity-delete.ts";
import { moveEntity, updateEntity } from "./entity-update.ts";
import { currentTree, entityPath, type HierarchyShard, shardOf, shardPath } from "./hierarchy-store.ts";
import { importHierarchy } from "./import.ts";
import { formerStructure, versionsOf } from "./journal.ts";
import type { StructurePorts } from "./structure-change.ts";
import { lineOf, type Tree } from "./tree.ts";

const root = { kind: "root", credentialId: "root" } as const;
const on = { org: goldenOrg, caller: root, kinds: [] };

let stores: Stores;
let ports: StructurePorts;
let reads: string[];
let written: string[];

beforeEach(async () => {
  stores = await freshStores({ now: "2026-03-05T06:00:00Z" });
  reads = [];
  written = [];
  ports = { ...stores, documents: counted(stores.documents), ids: systemIds };
  await stores.documents.transaction(async (tx) =>
    tx.create(hierarchyStatePath(goldenOrg), { levels: testLevels, counters: {}, entityCount: 0 }),
  );
  return () => stores.close();
});

/** The store, with every path noted that is read or written through it. */
function counted(inner: Documents): Documents {
  return {
    ...inner,
    get: (path) => {
      reads.push(path);
      return inner.get(path);
    },
    getAll: (paths) => {
      reads.push(...paths);
      return inner.getAll(paths);
    },
    list: (query) => inner.list(query),
    transaction: (body) => inner.transaction((tx) => body(countedTransaction(tx))),
  };
}

function countedTransaction(tx: Transaction): Transaction {
  const note = (path: string): void => void written.push(path);
  return {
    ...tx,
    get: (path) => {
      reads.push(path);
      return tx.get(path);
    },
    getAll: (paths) => {
      reads.push(...paths);
      return tx.getAll(paths);
    },
    list: (query) => tx.list(query),
    create: (path, body) => {
      note(path);
      tx.create(path, body);
    },
    set: (path, body) => {
      note(path);
      tx.set(path, body);
    },
  };
}

function effects<T>(): Effects<T> {
  const topics = inProcessTopics({});
  return {
    commit: (body) => commitChange(body, { ...ports, topics }),
    prepare: async () => {},
    conclude: () => {},
    audit: () => {},
  };
}

async function imported(rows: readonly string[]): Promise<void> {
  const csv_content = ["entity_id,entity_name,level,level_code,parent_id", ...rows].join("\n");
  const request = { csv_content, mode: "merge" as const, force: false, fail_fast: true, confirm_delete_all: false };
  await importHierarchy({ ...on, request }, effects(), ports);
}

/** The tree as the entities' own documents tell it, checked against the shards and the remembered one. */
async function checkedTree(): Promise<Tree> {
  const tree = await currentTree(goldenOrg, ports.documents);
  const page = await stores.documents.list<EntityDocument>({
    collection: `orgs/${goldenOrg.key}/entities`,
    limit: 500,
  });
  const active = page.documents.filter(({ body }) => body.isActive);
  expect([...tree.nodes.keys()].sort()).toEqual(active.map(({ body }) => body.entityId).sort());
  for (const { body } of active) {
    const { body: shard } = await stores.documents.get<HierarchyShard>(shardPath(goldenOrg, shardOf(body.entityId)));
    expect(shard?.nodes[body.entityId]).toMatchObject({ parentId: body.parentId, name: body.entityName });
    expect(lineOf(tree, body.entityId).length).toBe(body.level);
  }
  return tree;
}

describe("a large structure", () => {
  it("is read cold with nine documents and warm with one; a move of thousands writes few and every path follows", async () => {
    const projects = Array.from({ length: 40 }, (_, at) => `P-${at},Project,2,project,D-1`);
    await imported(["D-1,One,1,department,", "D-2,Two,1,department,", ...projects]);
    for (const half of [0, 1]) {
      const teams = Array.from({ length: 1900 }, (_, at) => `T-${half}-${at},Team,3,team,P-${at % 40}`);
      await imported(teams);
    }
    const cold = counted(stores.documents);
    reads = [];
    const tree = await currentTree(goldenOrg, cold);
    // The first look at the version, then the state and its shards as one.
    const coldReads = new Set(reads).size;
    reads = [];
    await currentTree(goldenOrg, cold);
    const warmReads = reads.length;
    written = [];

    for (const project of ["P-0", "P-1"]) {
      written = [];
      const request = { new_parent_id: "D-2" };
      await moveEntity({ ...on, entityId: project, request }, effects<EntityAnswer>(), ports);
    }

    expect(tree.nodes.size).toBe(3842);
    expect([coldReads, warmReads]).toEqual([9, 1]);
    expect(written.filter((path) => !path.startsWith("outbox/")).length).toBe(4);
    expect(written.length).toBeLessThan(8);
    const { ancestors } = await ancestorsNamed({ org: goldenOrg, entityId: "T-1-1880" }, ports.documents);
    expect(ancestors.map(({ path }) => path)).toEqual(["/D-2", "/D-2/P-0"]);
  }, 60_000);
});

describe("many changes at once", () => {
  it("end as if one had come after the other: no orphan, no gap, one journal entry each; undoing leads back", async () => {
    await imported([
      ...["A", "B", "C"].map((id) => `${id},Dep,1,department,`),
      ...Array.from({ length: 9 }, (_, at) => `P${at},Project,2,project,${"ABC"[at % 3]}`),
    ]);
    const before = await checkedTree();
    const calls = Array.from({ length: 50 }, (_, at) => async () => {
      const entityId = `P${at % 9}`;
      const parent = "ABC"[at % 3] ?? "A";
      if (at % 5 === 0)
        return createEntity(
          { ...on, request: { entity_name: `New ${at}`, level_code: "team", parent_id: entityId } },
          effects<EntityAnswer>(),
          ports,
        );
      if (at % 5 === 1)
        return updateEntity({ ...on, entityId, request: { entity_name: `N${at}` } }, effects<EntityAnswer>(), ports);
      if (at % 5 === 2)
        return deleteEntity({ ...on, entityId, query: { force: at % 2 === 0 } }, effects<null>(), ports);
      return moveEntity({ ...on, entityId, request: { new_parent_id: parent } }, effects<EntityAnswer>(), ports);
    });

    const results = await Promise.allSettled(calls.map((run) => run()));

    const tree = await checkedTree();
    const { versions } = await versionsOf(goldenOrg, { limit: 500 }, ports.documents);
    expect(versions.map(({ version }) => version)).toEqual(
      Array.from({ length: versions.length }, (_, at) => tree.version - at),
    );
    const succeeded = results.filter(({ status }) => status === "fulfilled").length;
    expect(succeeded).toBeGreaterThan(10);
    expect(tree.version - before.version).toBeLessThanOrEqual(succeeded);
    for (const result of results)
      if (result.status === "rejected") expect(String(result.reason.code)).toMatch(/^(ENTITY|PARENT)_/);
    const former = await formerStructure(goldenOrg, { version: before.version }, { ...ports, now: new Date() });
    expect([...former.tree.nodes].sort()).toEqual([...before.nodes].sort());
  }, 60_000);
});

it("an entity's document is the only place that an id is ever taken", async () => {
  await imported(["A,Dep,1,department,"]);
  await deleteEntity({ ...on, entityId: "A", query: { force: false } }, effects<null>(), ports);
  const request = { entity_id: "a", entity_name: "again", level_code: "department" };

  const again = createEntity({ ...on, request }, effects<EntityAnswer>(), ports);

  await expect(again).rejects.toMatchObject({ code: "ENTITY_EXISTS" });
  const { body } = await stores.documents.get<EntityDocument>(entityPath(goldenOrg, "A"));
  expect(body).toMatchObject({ entityName: "Dep", isActive: false });
});
