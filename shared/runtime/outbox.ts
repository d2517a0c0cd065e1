import type { Documents, Snapshot } from "#shared/platform/documents/documents.ts";
import { everyPage, type WholeQuery } from "#shared/platform/documents/pages.ts";
import type { Message, Topics } from "#shared/platform/topics/topics.ts";
import { isAppError } from "./errors.ts";

/** Document `outbox/{id}`: a message that belongs to a committed change. It is kept until it is surely with its receiver. */
export interface OutboxDocument {
  topic: string;
  payload: unknown;
  attributes: Record<string, string>;
  org: string | null;
  shard: number;
  state: "PENDING" | "DONE";
  attempts: number;
  nextAttemptAt: string;
  expireAt: string | null;
}

/** Messages of this topic are rows of history, taken by `history-flush`, never published. */
export const historyTopic = "history";

export const outboxShards = 16;

const doneKeptMilliseconds = 7 * 86_400_000;
/** The committing process publishes at once; the sweeper takes what is older than this. */
const firstSweepMilliseconds = 30_000;
const maximumBackoffMilliseconds = 600_000;
const pageSize = 200;

export function outboxPath(id: string): string {
  return `outbox/${id}`;
}

/** A fresh outbox document for a message committed at `now`. */
export function outboxDocument(id: string, message: Message, org: string | null, now: Date): OutboxDocument {
  return {
    topic: message.topic,
    payload: message.payload,
    attributes: { ...message.attributes },
    org,
    shard: shardOf(id),
    state: "PENDING",
    attempts: 0,
    nextAttemptAt: new Date(now.getTime() + firstSweepMilliseconds).toISOString(),
    expireAt: null,
  };
}

/** Publishes committed messages and marks them done. A failure leaves them to the sweeper and is not thrown. */
export async function publishCommitted(
  ids: readonly string[],
  ports: { documents: Documents; topics: Topics },
): Promise<boolean> {
  if (ids.length === 0) return true;
  try {
    const entries = await ports.documents.getAll<OutboxDocument>(ids.map(outboxPath));
    const pending = entries.filter((entry) => entry.body?.state === "PENDING" && entry.body.topic !== historyTopic);
    await publishEntries(pending, ports);
    return true;
  } catch {
    return false;
  }
}

/**
 * Publishes what is overdue, in pages, until nothing is due; returns how many. A message whose publication fails comes
 * again after 30 s x 2^n, at most 10 min, and is never given up.
 */
export async function sweepOutbox(now: Date, ports: { documents: Documents; topics: Topics }): Promise<number> {
  let published = 0;
  for (let shard = 0; shard < outboxShards; shard++) {
    const overdue: WholeQuery = {
      collection: "outbox",
      filters: [
        { field: "shard", is: "==", value: shard },
        { field: "state", is: "==", value: "PENDING" },
        { field: "nextAttemptAt", is: "<=", value: now.toISOString() },
      ],
      orderBy: [{ field: "nextAttemptAt", direction: "asc" }],
      limit: pageSize,
    };
    for await (const page of everyPage<OutboxDocument>(overdue, ports.documents)) {
      const due = page.documents.filter((entry) => entry.body.topic !== historyTopic);
      published += await publishOrPostpone(due, now, ports);
    }
  }
  return published;
}

async function publishOrPostpone(
  due: Snapshot<OutboxDocument>[],
  now: Date,
  ports: { documents: Documents; topics: Topics },
): Promise<number> {
  try {
    await publishEntries(due, ports);
    return due.length;
  } catch (error) {
    if (due.length > 1 && isAppError(error) && !error.retryable) return publishEach(due, now, ports);
    for (const entry of due) await postpone(entry.path, now, ports.documents);
    return 0;
  }
}

/** One message that the broker refuses for good must not hold back the others. */
async function publishEach(
  due: Snapshot<OutboxDocument>[],
  now: Date,
  ports: { documents: Documents; topics: Topics },
): Promise<number> {
  let published = 0;
  for (const entry of due) published += await publishOrPostpone([entry], now, ports);
  return published;
}

async function publishEntries(
  entries: readonly Snapshot<OutboxDocument>[],
  ports: { documents: Documents; topics: Topics },
): Promise<void> {
  const messages = entries.flatMap(({ body }) =>
    body === undefined ? [] : [{ topic: body.topic, payload: body.payload, attributes: body.attributes }],
  );
  if (messages.length === 0) return;
  await ports.topics.publish(messages);
  await markDone(
    entries.map((entry) => entry.path),
    ports.documents,
  );
}

async function markDone(paths: readonly string[], documents: Documents): Promise<void> {
  await documents.transaction(async (tx) => {
    const entries = await tx.getAll<OutboxDocument>(paths);
    for (const { path, body, readAt } of entries) {
      if (body === undefined || body.state === "DONE") continue;
      tx.set<OutboxDocument>(path, {
        ...body,
        state: "DONE",
        expireAt: new Date(readAt.getTime() + doneKeptMilliseconds).toISOString(),
      });
    }
  });
}

async function postpone(path: string, now: Date, documents: Documents): Promise<void> {
  await documents.transaction(async (tx) => {
    const { body } = await tx.get<OutboxDocument>(path);
    if (body === undefined || body.state !== "PENDING") return;
    const wait = Math.min(maximumBackoffMilliseconds, firstSweepMilliseconds * 2 ** body.attempts);
    tx.set<OutboxDocument>(path, {
      ...body,
      attempts: body.attempts + 1,
      nextAttemptAt: new Date(now.getTime() + wait).toISOString(),
    });
  });
}

/** FNV-1a of the id's text: spreads monotonic ids over the shards, so no index range runs hot. */
function shardOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193) >>> 0;
  return hash % outboxShards;
}
