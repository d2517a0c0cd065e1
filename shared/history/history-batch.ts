import type { Documents, Snapshot } from "#shared/platform/documents/documents.ts";
import { everyPage, type WholeQuery } from "#shared/platform/documents/pages.ts";
import type { HistoryMessage, HistoryRows } from "#shared/runtime/change.ts";
import { historyTopic, type OutboxDocument, outboxShards } from "#shared/runtime/outbox.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";

/** Document `ticks/history-flush`: what is being brought to the warehouse, by whichever process. */
interface FlushDocument {
  batch: { id: string; messages: string[]; isLoaded: boolean; held?: string[] } | null;
}

/** Messages that are brought over together. Until `isLoaded` all of them lie in the outbox as they were. */
export interface HistoryBatch {
  id: string;
  /** Paths in the outbox, in the order of their ids. */
  messages: readonly string[];
  isLoaded: boolean;
  /** Places (`placeOf`) whose rows were refused; they stay in the outbox. */
  held?: readonly string[];
  /** False when an earlier flush began it. */
  isNew: boolean;
}

const flushPath = "ticks/history-flush";
/** 10,000 messages in all: their paths fit one document, their rows the memory of the function. */
const messagesPerShard = 625;
const pageSize = 200;
const doneKeptMilliseconds = 7 * 86_400_000;

/** What an earlier flush began and did not finish, else a new batch of what is pending; undefined when there is nothing. */
export async function nextBatch(
  ports: { documents: Documents } & Pick<Surroundings, "ids">,
): Promise<HistoryBatch | undefined> {
  const before = await ports.documents.get<FlushDocument>(flushPath);
  if (before.body?.batch) return { ...before.body.batch, isNew: false };
  const messages = await pendingMessages(ports.documents);
  if (messages.length === 0) return undefined;
  const batch = { id: ports.ids.newId("hist"), messages, isLoaded: false };
  const isTaken = await ports.documents.transaction(async (tx) => {
    // Any flush in between has moved the version, and may have brought over what was pending when it was listed.
    const { version } = await tx.get<FlushDocument>(flushPath);
    if (version !== before.version) return false;
    tx.set<FlushDocument>(flushPath, { batch });
    return true;
  });
  return isTaken ? { ...batch, isNew: true } : undefined;
}

/** What the batch's messages hold for each table, in its order. */
export async function rowsOf(batch: HistoryBatch, documents: Documents): Promise<HistoryRows[]> {
  const found: HistoryRows[] = [];
  for (const paths of pagesOf(batch.messages)) {
    for (const { body } of await documents.getAll<OutboxDocument>(paths))
      if (body !== undefined) found.push(...partsOf(body));
  }
  return found;
}

/** The name of a table among all of a batch; one of the central dataset stands by itself. */
export function placeOf({ datasetId, table }: Pick<HistoryRows, "datasetId" | "table">): string {
  return datasetId === null ? table : `${datasetId}/${table}`;
}

/** Records that all but the held places are in the warehouse; undefined when another flush has finished the batch meanwhile. */
export function markLoaded(
  batch: HistoryBatch,
  held: readonly string[],
  documents: Documents,
): Promise<HistoryBatch | undefined> {
  return documents.transaction(async (tx) => {
    const stored = (await tx.get<FlushDocument>(flushPath)).body?.batch;
    if (stored?.id !== batch.id) return undefined;
    if (stored.isLoaded) return { ...stored, isNew: batch.isNew };
    const marked = { id: batch.id, messages: [...batch.messages], isLoaded: true, held: [...held] };
    tx.set<FlushDocument>(flushPath, { batch: marked });
    return { ...marked, isNew: batch.isNew };
  });
}

/** Marks the messages of a loaded batch done, but for what of them is held back, and closes it; answers how many are done. */
export async function finishBatch(batch: HistoryBatch, documents: Documents): Promise<number> {
  const held = new Set(batch.held);
  let kept = 0;
  for (const paths of pagesOf(batch.messages)) kept += await markDone(paths, held, documents);
  await documents.transaction(async (tx) => {
    const { body } = await tx.get<FlushDocument>(flushPath);
    if (body?.batch?.id === batch.id) tx.set<FlushDocument>(flushPath, { batch: null });
  });
  return batch.messages.length - kept;
}

/** Answers how many messages stay, each with its held rows alone. */
function markDone(paths: readonly string[], held: ReadonlySet<string>, documents: Documents): Promise<number> {
  return documents.transaction(async (tx) => {
    let kept = 0;
    for (const { path, body, readAt } of await tx.getAll<OutboxDocument>(paths)) {
      if (body?.state !== "PENDING") continue;
      const [rest, ...others] = partsOf(body).filter((part) => held.has(placeOf(part)));
      if (rest === undefined) {
        const expireAt = new Date(readAt.getTime() + doneKeptMilliseconds).toISOString();
        tx.set<OutboxDocument>(path, { ...body, state: "DONE", expireAt });
      } else {
        kept += 1;
        const payload: HistoryMessage = others.length === 0 ? rest : { ...rest, mirrors: others };
        tx.set<OutboxDocument>(path, { ...body, payload });
      }
    }
    return kept;
  });
}

function partsOf({ payload }: OutboxDocument): HistoryRows[] {
  const { mirrors = [], ...own } = payload as HistoryMessage;
  return [own, ...mirrors];
}

async function pendingMessages(documents: Documents): Promise<string[]> {
  const shards = Array.from({ length: outboxShards }, (_, shard) => pendingOf(shard, documents));
  return (await Promise.all(shards)).flat().sort();
}

async function pendingOf(shard: number, documents: Documents): Promise<string[]> {
  const paths: string[] = [];
  const pending: WholeQuery = {
    collection: "outbox",
    filters: [
      { field: "shard", is: "==", value: shard },
      { field: "state", is: "==", value: "PENDING" },
      { field: "nextAttemptAt", is: "<=", value: "9999-12-31T23:59:59.999Z" },
    ],
    orderBy: [{ field: "nextAttemptAt", direction: "asc" }],
    limit: pageSize,
  };
  for await (const page of everyPage<OutboxDocument>(pending, documents)) {
    paths.push(...page.documents.filter(isHistory).map(({ path }) => path));
    if (paths.length >= messagesPerShard) break;
  }
  return paths.slice(0, messagesPerShard);
}

function isHistory({ body }: Snapshot<OutboxDocument>): boolean {
  return body?.topic === historyTopic;
}

function* pagesOf(paths: readonly string[]): Generator<readonly string[]> {
  for (let start = 0; start < paths.length; start += pageSize) yield paths.slice(start, start + pageSize);
}
