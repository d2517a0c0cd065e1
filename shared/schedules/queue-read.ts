import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { orgKeyOf } from "#shared/access/org-slug.ts";
import type { WaitingRunDocument } from "#shared/pipelines/new-run.ts";
import type { RunDocument, RunStatus } from "#shared/pipelines/run.ts";
import { runCollection } from "#shared/pipelines/run-paths.ts";
import { runShards } from "#shared/pipelines/run-shard.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, paging, strictObject } from "#shared/runtime/schema.ts";
import { liveRunsPage, queueStateOf } from "./live-runs.ts";

export const QueueQuery = strictObject({
  org_slug: Type.Optional(Type.String({ maxLength: 50, description: "For the operator: one organization" })),
  state: Type.Optional(choice(["QUEUED", "PROCESSING"])),
  ...paging({ standard: 100 }),
});
type QueueQuery = Static<typeof QueueQuery>;

const instant = Type.String({ format: "date-time" });

const QueueItem = strictObject({
  run_id: Type.String(),
  org_slug: Type.String(),
  pipeline_id: Type.String(),
  state: choice(["QUEUED", "PROCESSING"]),
  priority: Type.Integer(),
  scheduled_time: instant,
  added_at: instant,
  processing_started_at: nullable(instant),
  position: nullable(Type.Integer({ description: "Among those of its organization that wait, from 1" })),
});
type QueueItem = Static<typeof QueueItem>;

export const QueueAnswer = strictObject({
  queue: Type.Array(QueueItem),
  queue_length: Type.Integer({ description: "Runs of this page that wait" }),
  next_cursor: nullable(Type.String()),
});
export type QueueAnswer = Static<typeof QueueAnswer>;

/** Runs that have not ended: of one organization in the order of their turn, of all for the operator. */
export async function readQueue(
  org: OrgIdentity | undefined,
  query: QueueQuery,
  documents: Documents,
): Promise<QueueAnswer> {
  if (org !== undefined) return ownQueue(org.key, query, documents);
  if (query.org_slug === undefined) return wholeQueue(query, documents);
  const key = orgKeyOf(query.org_slug);
  return key === undefined ? { queue: [], queue_length: 0, next_cursor: null } : ownQueue(key, query, documents);
}

async function ownQueue(orgKey: string, query: QueueQuery, documents: Documents): Promise<QueueAnswer> {
  const live = await Promise.all((["PENDING", "RUNNING"] as const).map((status) => runsIn(orgKey, status, documents)));
  const positions = await positionsOf(orgKey, documents);
  const place = (item: QueueItem): number => item.position ?? 0;
  const items = live
    .flat()
    .map((run) => queueItem(run, positions))
    .filter(({ state }) => query.state === undefined || state === query.state)
    .sort((one, other) => place(one) - place(other) || (one.added_at < other.added_at ? -1 : 1));
  const start = startOf(items, query.cursor);
  const queue = items.slice(start, start + query.limit);
  const isLast = start + queue.length >= items.length;
  return answerOf(queue, isLast ? null : (queue.at(-1)?.run_id ?? null));
}

/** The cursor of an organization's own queue is the last run of the page before; a run that has gone starts anew. */
function startOf(items: readonly QueueItem[], cursor: string | undefined): number {
  return cursor === undefined ? 0 : items.findIndex(({ run_id }) => run_id === cursor) + 1;
}

async function runsIn(orgKey: string, status: RunStatus, documents: Documents): Promise<RunDocument[]> {
  const page = await documents.list<RunDocument>({
    collection: runCollection(orgKey),
    filters: [{ field: "status", is: "==", value: status }],
    orderBy: [{ field: "createdAt", direction: "desc" }],
    limit: 1000,
  });
  return page.documents.map(({ body }) => body);
}

/** Shard by shard; the cursor says which, and where in it. */
async function wholeQueue(query: QueueQuery, documents: Documents): Promise<QueueAnswer> {
  const [text = "0", inner] = (query.cursor ?? "0").split("~", 2);
  if (!/^\d{1,2}$/.test(text) || Number(text) >= runShards) throw badCursor();
  const items: QueueItem[] = [];
  let from = inner;
  for (let shard = Number(text); shard < runShards; shard++) {
    do {
      const { runs, next } = await liveRunsPage({ shard, from, limit: query.limit - items.length }, documents);
      const wanted = runs.filter((run) => query.state === undefined || queueStateOf(run) === query.state);
      items.push(...(await withPositions(wanted, documents)));
      from = next;
      if (items.length >= query.limit) return answerOf(items, cursorAfter(shard, from));
    } while (from !== undefined);
  }
  return answerOf(items, null);
}

function cursorAfter(shard: number, from: string | undefined): string | null {
  if (from !== undefined) return `${shard}~${from}`;
  return shard + 1 < runShards ? String(shard + 1) : null;
}

async function withPositions(runs: readonly RunDocument[], documents: Documents): Promise<QueueItem[]> {
  const waiting = new Set(runs.filter((run) => queueStateOf(run) === "QUEUED").map(({ org }) => org.key));
  const known = await Promise.all([...waiting].map(async (key) => [...(await positionsOf(key, documents))]));
  const positions = new Map(known.flat());
  return runs.map((run) => queueItem(run, positions));
}

/** Place of each run that waits for a slot: by priority, then by age. */
async function positionsOf(orgKey: string, documents: Documents): Promise<Map<string, number>> {
  const page = await documents.list<WaitingRunDocument>({ collection: `orgs/${orgKey}/waitingRuns`, limit: 1000 });
  const inOrder = page.documents
    .map(({ body }) => body)
    .sort((one, other) => other.priority - one.priority || (one.queuedAt < other.queuedAt ? -1 : 1));
  return new Map(inOrder.map(({ runId }, at) => [runId, at + 1]));
}

function queueItem(run: RunDocument, positions: ReadonlyMap<string, number>): QueueItem {
  const state = queueStateOf(run);
  return {
    run_id: run.runId,
    org_slug: run.org.slug,
    pipeline_id: run.pipelineId,
    state,
    priority: run.priority,
    scheduled_time: run.scheduledFor ?? run.createdAt,
    added_at: run.createdAt,
    processing_started_at: run.startedAt,
    position: state === "QUEUED" ? (positions.get(run.runId) ?? null) : null,
  };
}

function answerOf(queue: QueueItem[], next: string | null): QueueAnswer {
  return { queue, queue_length: queue.filter(({ state }) => state === "QUEUED").length, next_cursor: next };
}

function badCursor(): AppError {
  return new AppError("CURSOR_INVALID", "The cursor does not belong to this list.");
}
