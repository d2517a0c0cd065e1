import { beforeEach, describe, expect, it } from "vitest";
import { auditedEffects } from "#scripts/e2e/audited-effects.ts";
import { type Charge, freshStores, goldenOrg, publish, type Stores } from "#shared/costs/publication.fixture.ts";
import { readSummary } from "#shared/costs/read-summary.ts";
import type { Documents, Transaction } from "#shared/platform/documents/documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import type { Change } from "#shared/runtime/change.ts";
import { readConfiguration } from "#shared/runtime/config.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { testLevels } from "./allocation.fixture.ts";
import { hierarchyStatePath } from "./default-levels.ts";
import { ancestorsNamed, descendantsNamed } from "./entities-read.ts";
import type { EntityAnswer, EntityDocument } from "./entity.ts";
import { createEntity } from "./entity-create.ts";
import { deleteEntity } from "./entity-delete.ts";
import { moveEntity, updateEntity } from "./entity-update.ts";
import { currentTree, entityPath, type HierarchyShard, shardOf, shardPath } from "./hierarchy-store.ts";
import { exportHierarchy, type ImportAnswer, importHierarchy } from "./import.ts";
import { formerStructure, versionsOf } from "./journal.ts";
import type { StructurePorts } from "./structure-change.ts";
import { lineOf, type Tree } from "./tree.ts";
import { readTree } from "./tree-read.ts";

const root = { kind: "root", credentialId: "root" } as const;
const on = { org: goldenOrg, caller: root, kinds: [] };

const config = await readConfiguration({ ENVIRONMENT: "test" });
let stores: Stores;
let ports: StructurePorts;
let reads: string[];
let written: string[];
let auditRows = 0;

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
  const inner = auditedEffects<T>("structure.changed", { ...ports, topics: inProcessTopics({}) });
  return { ...inner, commit: (body) => counting(inner, body) };
}

/** Audit rows of what was committed: a body that runs again counts once. */
async function counting<T, R>(inner: Effects<T>, body: (change: Change) => Promise<R>): Promise<R> {
  let rows = 0;
  const result = await inner.commit((change) => {
    rows = 0;
    const audit: Change["audit"] = (entry) => {
      rows += 1;
      change.audit(entry);
    };
    return body({ ...change, audit });
  });
  auditRows += rows;
  return result;
}

async function imported(rows: readonly string[]): Promise<void> {
  await importedFile(["entity_id,entity_name,level,level_code,parent_id", ...rows].join("\n"));
}

function importedFile(csv_content: string) {
  const request = { csv_content, mode: "merge" as const, force: false, fail_fast: true, confirm_delete_all: false };
  return importHierarchy({ ...on, request }, effects<ImportAnswer>(), ports);
}

const tagged = (team: string, billed: string): Charge => ({
  ...{ day: "2026-03-02", provider: "openai", category: "llm", service: "Usage", billed },
  columns: { Tags: { team } },
});

async function costOf(entityId: string): Promise<string> {
  const query = { hierarchy_entity_id: [entityId] };
  return (await readSummary({ org: goldenOrg, query }, { ...stores, config })).total_cost;
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
    const above = ["D-1,One,1,department,", "D-2,Two,1,department,", "P-0,Zero,2,project,D-1", "P-1,One,2,project,D-1"];
    const teams = Array.from({ length: 4_996 }, (_, at) => `T-${at},Team,3,team,P-${at < 4_000 ? 0 : 1}`);
    for (let at = 0; at < teams.length; at += 1_990) await imported([...above, ...teams.slice(at, at + 1_990)]);
    await publish(stores, { pipelineId: "test-cost", charges: [tagged("T-3999", "7"), tagged("T-4000", "11")] });
    const cold = counted(stores.documents);
    reads = [];
    const tree = await currentTree(goldenOrg, cold);
    // The first look at the version, then the state and its shards as one.
    const coldReads = new Set(reads).size;
    reads = [];
    await currentTree(goldenOrg, cold);
    const warmReads = reads.length;
    written = [];

    const costs = async () => [await costOf("D-1"), await costOf("D-2"), await costOf("P-0")];
    const before = await costs();
    written = [];
    await moveEntity({ ...on, entityId: "P-0", request: { new_parent_id: "D-2" } }, effects<EntityAnswer>(), ports);

    expect(tree.nodes.size).toBe(5_000);
    expect([coldReads, warmReads]).toEqual([9, 1]);
    // The entity, its shard, the state, the journal and the audit row; and two messages, which are documents too: the
    // history of the entity with the mirror's row, and that of the audit row.
    const messages = written.filter((path) => path.startsWith("outbox/"));
    expect([written.length, new Set(written).size, messages.length]).toEqual([7, 7, 2]);
    const { ancestors } = await ancestorsNamed({ org: goldenOrg, entityId: "T-3999" }, ports.documents);
    expect(ancestors.map(({ path }) => path)).toEqual(["/D-2", "/D-2/P-0"]);
    const query = { limit: 1 };
    const below = async (entityId: string) =>
      (await descendantsNamed({ org: goldenOrg, entityId, query }, ports.documents)).total;
    expect([await below("D-1"), await below("D-2")]).toEqual([997, 4_001]);
    const { stats } = await readTree(goldenOrg, { root: "D-2", depth: 1 }, ports);
    expect(stats).toEqual({ department: 1, project: 1, team: 4_000, total: 4_002 });
    const file = await exportHierarchy(goldenOrg, {}, ports);
    expect(file.body).toContain("P-0,Zero,2,project,D-2,");
    expect([before, await costs()]).toEqual([
      ["18.00", "0.00", "7.00"],
      ["11.00", "7.00", "7.00"],
    ]);
    const lines = file.body.split("\r\n");
    lines[4_998] = (lines[4_998] ?? "").replace(/,P-\d,/, ",NOBODY,");
    await expect(importedFile(lines.join("\r\n"))).rejects.toMatchObject({
      code: "HIERARCHY_IMPORT_INVALID",
      extra: { errors: [{ row: 4_999, field: "parent_id" }] },
    });
    await importedFile(file.body);
    expect((await currentTree(goldenOrg, ports.documents)).version).toBe(tree.version + 1);
  }, 60_000);
});

describe("many changes at once", () => {
  it("end as if one had come after the other: no orphan, no gap, one journal and audit row each; undoing leads back", async () => {
    await imported([
      ...["A", "B", "C"].map((id) => `${id},Dep,1,department,`),
      ...Array.from({ length: 9 }, (_, at) => `P${at},Project,2,project,${"ABC"[at % 3]}`),
    ]);
    const before = await checkedTree();
    auditRows = 0;
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
    expect(auditRows).toBe(tree.version - before.version);
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
