import { createHash } from "node:crypto";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import type { Documents, Snapshot } from "#shared/platform/documents/documents.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { HistoryMessage } from "#shared/runtime/change.ts";
import { historyTopic, type OutboxDocument } from "#shared/runtime/outbox.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";

type FlushPorts = { documents: Documents; warehouse: Warehouse } & Pick<Surroundings, "ids" | "log" | "clock">;
type Entry = Snapshot<OutboxDocument> & { body: OutboxDocument };

/** Messages of one claim; a claim is one batch per table. */
const claimSize = 200;
const shards = 16;
const doneKeptMilliseconds = 7 * 86_400_000;

/**
 * Brings history rows from the outbox to the warehouse, each exactly once (`tables.md` 1): messages are claimed under a
 * batch id, loaded as one batch per table - an id that was loaded before is a no-op - and then marked done. A crash
 * anywhere repeats the same batches. Answers how many messages were brought over.
 */
export async function flushHistory(ports: FlushPorts): Promise<number> {
  const tables = await historyTables();
  let flushed = 0;
  for (let shard = 0; shard < shards; shard++) {
    for (const batch of await claimedBatches(shard, ports)) {
      await load(batch.batchId, batch.entries, tables, ports);
      await markDone(batch.entries, ports);
      flushed += batch.entries.length;
    }
  }
  return flushed;
}

interface Claimed {
  batchId: string;
  entries: Entry[];
}

/** What an earlier flush claimed and did not finish comes first, under its own id; then what is new. */
async function claimedBatches(shard: number, ports: FlushPorts): Promise<Claimed[]> {
  const unfinished = grouped(await inState(shard, "CLAIMED", ports), (entry) => entry.body.batchId ?? "");
  const batches: Claimed[] = [...unfinished].map(([batchId, entries]) => ({ batchId, entries }));
  const fresh = (await inState(shard, "PENDING", ports)).filter((entry) => entry.body.topic === historyTopic);
  for (let start = 0; start < fresh.length; start += claimSize) {
    const claimed = await claim(fresh.slice(start, start + claimSize), ports);
    if (claimed.entries.length > 0) batches.push(claimed);
  }
  return batches;
}

async function inState(shard: number, state: OutboxDocument["state"], ports: FlushPorts): Promise<Entry[]> {
  const found: Entry[] = [];
  let cursor: string | undefined;
  do {
    const page = await ports.documents.list<OutboxDocument>({
      collection: "outbox",
      filters: [
        { field: "shard", is: "==", value: shard },
        { field: "state", is: "==", value: state },
        { field: "nextAttemptAt", is: "<=", value: "9999-12-31T23:59:59.999Z" },
      ],
      orderBy: [{ field: "nextAttemptAt", direction: "asc" }],
      limit: claimSize,
      ...(cursor === undefined ? {} : { cursor }),
    });
    found.push(...page.documents);
    cursor = page.next;
  } while (cursor !== undefined);
  return found;
}

async function claim(entries: readonly Entry[], ports: FlushPorts): Promise<Claimed> {
  const batchId = ports.ids.newId("hist");
  const taken = await ports.documents.transaction(async (tx) => {
    const current = await tx.getAll<OutboxDocument>(entries.map((entry) => entry.path));
    const free = current.filter((entry): entry is Entry => entry.body?.state === "PENDING");
    for (const entry of free) tx.set<OutboxDocument>(entry.path, { ...entry.body, state: "CLAIMED", batchId });
    return free.map((entry) => entry.path);
  });
  return { batchId, entries: entries.filter((entry) => taken.includes(entry.path)) };
}

async function load(
  batchId: string,
  entries: readonly Entry[],
  tables: ReadonlyMap<string, TableDefinition>,
  ports: FlushPorts,
): Promise<void> {
  const { frameOf } = await import("#shared/platform/warehouse/frame.ts");
  // In order of the messages' ids, so that a repeated load of the same claim has the same rows in the same order.
  const messages = [...entries]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map((entry) => entry.body.payload as HistoryMessage);
  const byTable = grouped(messages, (message) => `${message.datasetId ?? "organizations"}/${message.table}`);
  for (const [place, own] of byTable) {
    const [datasetId = "", name = ""] = place.split("/");
    const table = tables.get(name);
    if (table === undefined) throw new Error(`history names the table ${name}, which does not exist`);
    const rows = own.flatMap((message) => message.rows);
    const contentHash = createHash("sha256").update(JSON.stringify(rows)).digest("hex");
    await ports.warehouse.write({
      datasetId,
      table,
      batchId: `${batchId}-${name}`,
      contentHash,
      rows: frameOf(table, rows),
    });
  }
}

async function markDone(entries: readonly Entry[], ports: FlushPorts): Promise<void> {
  await ports.documents.transaction(async (tx) => {
    const current = await tx.getAll<OutboxDocument>(entries.map((entry) => entry.path));
    for (const { path, body, readAt } of current) {
      if (body?.state !== "CLAIMED") continue;
      const expireAt = new Date(readAt.getTime() + doneKeptMilliseconds).toISOString();
      tx.set<OutboxDocument>(path, { ...body, state: "DONE", expireAt });
    }
  });
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

let loaded: Promise<Map<string, TableDefinition>> | undefined;

function historyTables(): Promise<Map<string, TableDefinition>> {
  loaded ??= Promise.all([loadTableConfig("bootstrap"), loadTableConfig("organizations")]).then(
    (configs) =>
      new Map(
        configs
          .flatMap(({ tables, extensionTables }) => [...tables, ...extensionTables])
          .map((table) => [table.name, table]),
      ),
  );
  return loaded;
}
