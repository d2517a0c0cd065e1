import { afterEach, beforeEach, expect, it } from "vitest";
import { freshStores, publish, type Stores, withOrganization } from "#shared/costs/publication.fixture.ts";
import { headPath, pipelineMonthPath } from "#shared/ledger/current-batches.ts";
import type { MonthHead, PipelineMonth } from "#shared/ledger/ledger.ts";
import { type LooseBatch, looseBatchesPath } from "#shared/ledger/loose-batches.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Message, Topics } from "#shared/platform/topics/topics.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { openQuarantinesPath, quarantinePath } from "#shared/quarantine/quarantine.ts";
import { removeGarbage } from "./batch-garbage.ts";
import type { PartDocument, RunDocument } from "./run.ts";
import { partPath, runPath } from "./run-paths.ts";

const now = "2026-03-20T03:20:00Z";
const log = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };
const charge = { provider: "openai", category: "llm", service: "OpenAI API", billed: "1" };
const liveRun = "run_01J00000000000000000000000";
const endedRun = "run_01J00000000000000000000001";
let stores: Stores;
let removed: [table: string, ids: readonly string[]][];

beforeEach(async () => {
  stores = await freshStores({ now });
  removed = [];
});
afterEach(() => stores.close());

const published: Message[] = [];
const topics: Topics = { publish: async (messages) => void published.push(...messages), close: async () => {} };

const tick = (on = now, documents = stores.documents, seconds = 0) => {
  const looks: number[] = [];
  const clock = { now: () => new Date(Date.parse(on) + looks.push(0) * seconds * 1000) };
  return removeGarbage({ ...stores, documents, topics, clock, warehouse: watched(), log });
};

function watched(): Warehouse {
  return {
    ...stores.warehouse,
    remove: async (source, ids) => {
      removed.push([source.table.name, ids]);
      await stores.warehouse.remove(source, ids);
    },
  };
}

async function create(path: string, body: object): Promise<void> {
  await stores.documents.transaction(async (tx) => tx.create(path, body));
}

/** The first note of a batch, or a later one by a name of its own. */
function loose(batchId: string, of: Partial<LooseBatch> = {}, id = batchId): Promise<void> {
  const standard = { table: "cost_data_standard", pipelineId: "p", months: ["2026-02"], runId: endedRun };
  const body: LooseBatch = { batchId, ...standard, dueAt: "2026-03-20T03:00:00.000Z", ...of };
  return create(`${looseBatchesPath(stores.org.key)}/${id}`, body);
}

async function left(): Promise<Record<string, string>> {
  const { documents } = await stores.documents.list<LooseBatch>({
    collection: looseBatchesPath(stores.org.key),
    filters: [{ field: "dueAt", is: "<=", value: "9999" }],
    orderBy: [{ field: "dueAt", direction: "asc" }],
    limit: 100,
  });
  return Object.fromEntries(documents.map(({ body }) => [body.batchId, body.dueAt.slice(0, 10)]));
}

/** The batch of a published day, as the ledger names it. */
async function publishedBatch(): Promise<string> {
  await publish(stores, { pipelineId: "p", charges: [{ ...charge, day: "2026-02-03" }] });
  const path = pipelineMonthPath(stores.org, "2026-02", "p");
  const { body } = await stores.documents.get<PipelineMonth>(path);
  return Object.values(body?.batches ?? {})[0]?.id ?? "";
}

it("goes with one statement per table, and the part of its run says so", async () => {
  const part = { batchId: "b1", state: "LOADED" } as PartDocument;
  await create(partPath(stores.org.key, endedRun, "b1"), part);
  for (const id of ["b1", "b2"]) await loose(id);
  await loose("b3", { table: "genai_usage_daily_raw" });
  await loose("b4", { dueAt: "2026-03-20T04:00:00.000Z" });

  expect(await tick()).toBe(3);

  expect(removed).toEqual([
    ["cost_data_standard", ["b1", "b2"]],
    ["genai_usage_daily_raw", ["b3"]],
  ]);
  expect(await left()).toEqual({ b4: "2026-03-20" });
  const { body } = await stores.documents.get<PartDocument>(partPath(stores.org.key, endedRun, "b1"));
  expect(body?.state).toBe("REMOVED");
});

it("stays while the ledger names it, as published or as held for a closed month", async () => {
  const published = await publishedBatch();
  await stores.documents.transaction(async (tx) => {
    const { body, path } = await tx.get<MonthHead>(headPath(stores.org, "2026-02"));
    const closing = { at: now, by: "root", note: null, totals: {}, rows: 1, fxVersion: "fx" };
    if (body !== undefined) tx.set<MonthHead>(path, { ...body, state: "closed", closing });
  });
  await publish(stores, { pipelineId: "p", charges: [{ ...charge, day: "2026-02-03", billed: "2" }], fence: 2 });
  const { body } = await stores.documents.get<PipelineMonth>(pipelineMonthPath(stores.org, "2026-02", "p"));
  const named = Object.values(body?.batches ?? {}).map(({ id }) => id);
  for (const id of named) await loose(id);

  expect(await tick()).toBe(0);

  expect([named.length, named.includes(published), removed]).toEqual([2, true, []]);
});

it("stays while an open quarantine or a live run may publish it, and is looked at again a day later", async () => {
  const batch = { id: "held", table: "cost_data_standard", rows: 1, run: endedRun, pulledAt: now };
  const publications = [{ parts: { cost_data_standard: { batches: [batch], hash: "h", rows: 1 } } }];
  await create(quarantinePath(stores.org.key, "qua_1"), {
    state: "OPEN",
    expiresAt: "2026-03-21T00:00:00Z",
    publications,
  });
  await create(openQuarantinesPath(stores.org.key), { items: { qua_1: {} } });
  await create(runPath(stores.org.key, liveRun), { runId: liveRun, status: "RUNNING" } as RunDocument);
  await loose("held");
  await loose("live", { runId: liveRun });

  expect(await tick()).toBe(0);

  expect([await left(), removed]).toEqual([{ held: "2026-03-21", live: "2026-03-21" }, []]);
});

it("goes when its quarantine has expired, because nobody can release it any more", async () => {
  const batch = { id: "held", table: "cost_data_standard", rows: 1, run: endedRun, pulledAt: now };
  const publications = [{ parts: { cost_data_standard: { batches: [batch], hash: "h", rows: 1 } } }];
  await create(quarantinePath(stores.org.key, "qua_1"), { state: "OPEN", expiresAt: now, publications });
  await create(openQuarantinesPath(stores.org.key), { items: { qua_1: {} } });
  await loose("held");

  expect([await tick(), await left()]).toEqual([1, {}]);
});

it("stays for 400 days after it was replaced, though it was never published when its first note fell due", async () => {
  await loose("b1");
  await loose("b1", { dueAt: "2027-04-17T00:00:00.000Z" }, "b1~replaced");

  expect([await tick(), removed]).toEqual([0, []]);
  expect([await tick("2027-04-17T03:20:00Z"), removed]).toEqual([1, [["cost_data_standard", ["b1"]]]]);
  expect(await left()).toEqual({});
});

it("stays when one month has replaced it and another that it has days of names it", async () => {
  const published = await publishedBatch();
  await loose(published, { months: ["2026-02", "2026-03"] });
  await tick();
  await loose(published, { months: ["2026-03"], dueAt: "2027-04-20T00:00:00.000Z" }, `${published}~replaced`);

  for (const on of ["2027-04-20T03:20:00Z", "2027-04-24T03:20:00Z", "2028-06-01T03:20:00Z"])
    expect([await tick(on), removed]).toEqual([0, []]);
});

it("stays when its run publishes it and ends while it is looked at", async () => {
  await create(runPath(stores.org.key, liveRun), { runId: liveRun, status: "RUNNING" } as RunDocument);
  await loose("live", { runId: liveRun });
  let isOver = false;
  const overtaken: Documents = {
    ...stores.documents,
    getAll: async <T extends object>(paths: readonly string[]) => {
      const found = await stores.documents.getAll<T>(paths);
      // After the first of the answers that decide: of the runs, or of the ledger.
      if (!isOver && paths.some((path) => /\/(runs|ledger)\//.test(path))) {
        isOver = true;
        await publishAndEnd("live");
      }
      return found;
    },
  };

  expect([await tick(now, overtaken), isOver, removed]).toEqual([0, true, []]);
});

async function publishAndEnd(batchId: string): Promise<void> {
  await publishedBatch();
  await stores.documents.transaction(async (tx) => {
    const month = await tx.get<PipelineMonth>(pipelineMonthPath(stores.org, "2026-02", "p"));
    const run = await tx.get<RunDocument>(runPath(stores.org.key, liveRun));
    if (month.body === undefined || run.body === undefined) throw new Error("the run or its month is not there");
    const [[number, batch] = []] = Object.entries(month.body.batches);
    if (number === undefined || batch === undefined) throw new Error("nothing was published");
    tx.set<PipelineMonth>(month.path, { ...month.body, batches: { [number]: { ...batch, id: batchId } } });
    tx.set<RunDocument>(run.path, { ...run.body, status: "COMPLETED" });
  });
}

it("goes with the next tick, asked for at once, where the time of one is up before its organization's turn", async () => {
  for (let at = 0; at < 10; at++) {
    const key = `earlier_${at}`;
    await withOrganization(stores, { slug: key, key, orgId: `org_${at}` });
  }
  await loose("b1");

  expect([await tick(now, stores.documents, 60), published]).toMatchObject([0, [{ topic: "tick-batch-garbage-tick" }]]);

  expect([await tick(), published.length, removed]).toEqual([1, 1, [["cost_data_standard", ["b1"]]]]);
});
