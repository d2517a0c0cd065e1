import { createHash } from "node:crypto";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { BatchDays } from "#shared/platform/warehouse/warehouse.ts";
import { asRead } from "./decide-month.ts";
import { type MonthHead, type PipelineMonth, type ReplacedDay, readEntryKey, type Totals } from "./ledger.ts";

/** A published day as a reader needs it. */
export interface PublishedDay extends ReplacedDay {
  pipelineId: string;
  source: string;
  day: string;
  rows: number;
  totals: Totals;
}

/** Rows of one day that correct a closed month: they count, and say nothing of whether a source published the day. */
export type PublishedAdjustment = Pick<
  PublishedDay,
  "pipelineId" | "source" | "day" | "rows" | "totals" | "batches" | "publishedAt"
>;

/** What is current in one month; `version` is the cache key of everything made from it. */
export interface PublishedMonth {
  month: string;
  epoch: number;
  version: number;
  days: PublishedDay[];
  /** Absent where there are none. */
  adjustments?: PublishedAdjustment[];
}

/** All that holds money in a month. */
export function countedDays({ days, adjustments = [] }: PublishedMonth): PublishedAdjustment[] {
  return [...days, ...adjustments];
}

/** What a read checks of a month before a cached frame may be used. */
export interface MonthState {
  /** 0 where nothing was published. */
  version: number;
  /** Of the book of rates that a closed month keeps; null while it is open. */
  fxVersion: string | null;
}

/** The heads of some months, in one round trip. */
export async function monthStates(
  org: OrgIdentity,
  months: readonly string[],
  epoch: number,
  documents: Documents,
): Promise<Record<string, MonthState>> {
  const heads = await documents.getAll<MonthHead>(months.map((month) => headPath(org, month)));
  return Object.fromEntries(months.map((month, at) => [month, stateOf(heads[at]?.body, epoch)]));
}

function stateOf(head: MonthHead | undefined, epoch: number): MonthState {
  const closing = head?.epoch === epoch && head.state === "closed" ? head.closing : undefined;
  return { version: currentVersion(head, epoch), fxVersion: closing?.fxVersion ?? null };
}

/** Everything published in a month at one version. */
export function publishedMonth(
  org: OrgIdentity,
  month: string,
  epoch: number,
  documents: Documents,
): Promise<PublishedMonth> {
  return wholeMonth({ org, month, epoch }, (shard) => shard, documents);
}

/** The same with the days as they were pulled last; see `pulledDays`. */
export function pulledMonth(
  org: OrgIdentity,
  month: string,
  epoch: number,
  documents: Documents,
): Promise<PublishedMonth> {
  return wholeMonth({ org, month, epoch }, asPulled, documents);
}

function wholeMonth(
  { org, month, epoch }: { org: OrgIdentity; month: string; epoch: number },
  seen: (shard: PipelineMonth) => PipelineMonth,
  documents: Documents,
): Promise<PublishedMonth> {
  return documents.transaction(async (tx) => {
    const head = (await tx.get<MonthHead>(headPath(org, month))).body;
    const version = currentVersion(head, epoch);
    const { shards: changed = {}, heldBy = [] } = head?.epoch === epoch ? head : {};
    const pipelineIds = [...new Set([...Object.keys(changed), ...heldBy])].sort();
    const shards = await tx.getAll<PipelineMonth>(pipelineIds.map((id) => pipelineMonthPath(org, month, id)));
    const named = shards.flatMap(({ body }, at) =>
      body?.epoch === epoch ? [[pipelineIds[at] ?? "", body] as const] : [],
    );
    const days = named.flatMap(([pipelineId, body]) => publishedDays(month, pipelineId, seen(body)));
    const adjustments = named.flatMap(([pipelineId, body]) => publishedAdjustments(month, pipelineId, body));
    return { month, epoch, version, days, ...(adjustments.length > 0 ? { adjustments } : {}) };
  });
}

/**
 * The days of one pipeline and month as they were pulled last: of a closed month what is held in place of what is
 * published. What a next pull of them goes on from, never what a read shows.
 */
export async function pulledDays(
  { org, epoch, pipelineId }: { org: OrgIdentity; epoch: number; pipelineId: string },
  month: string,
  documents: Documents,
): Promise<PublishedDay[]> {
  const { body } = await documents.get<PipelineMonth>(pipelineMonthPath(org, month, pipelineId));
  if (body?.epoch !== epoch) return [];
  return publishedDays(month, pipelineId, asPulled(body));
}

function asPulled(shard: PipelineMonth): PipelineMonth {
  return { ...shard, entries: { ...shard.entries, ...shard.held } };
}

/** The (batch, days) pairs of one table: what a warehouse read names. */
export function batchDaysOf(days: readonly Pick<PublishedDay, "day" | "batches">[], table: string): BatchDays[] {
  const byBatch = new Map<string, string[]>();
  for (const day of days) {
    for (const batchId of day.batches[table] ?? []) byBatch.set(batchId, [...(byBatch.get(batchId) ?? []), day.day]);
  }
  return [...byBatch].map(([batchId, its]) => ({ batchId, days: its.sort() }));
}

export function headPath(org: OrgIdentity, month: string): string {
  return `orgs/${org.key}/ledger/${month}`;
}

export function pipelineMonthPath(org: OrgIdentity, month: string, pipelineId: string): string {
  return `${headPath(org, month)}/pipelines/${pipelineId}`;
}

/** What a day says, in 16 hex: the same as long as the rows of all its tables are. */
export function contentOf(hashes: Record<string, string> = {}): string {
  const tables = Object.entries(hashes).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(tables)).digest("hex").slice(0, 16);
}

function currentVersion(head: MonthHead | undefined, epoch: number): number {
  return head?.epoch === epoch ? head.ledgerVersion : 0;
}

function publishedDays(month: string, pipelineId: string, shard: PipelineMonth): PublishedDay[] {
  return Object.entries(shard.entries).map(([key, entry]) => ({
    pipelineId,
    ...readEntryKey(month, key),
    rows: entry.r,
    totals: entry.t,
    ...asRead(shard, entry),
  }));
}

function publishedAdjustments(month: string, pipelineId: string, shard: PipelineMonth): PublishedAdjustment[] {
  return Object.values(shard.adjustments ?? {}).flatMap(({ source, b, d, at }) => {
    const batch = shard.batches[b];
    if (batch === undefined) throw new Error(`an adjustment of ${month} names no batch`);
    return Object.entries(d).map(([day, { t, r }]) => ({
      pipelineId,
      source,
      day,
      rows: r,
      totals: t,
      batches: { [batch.table]: [batch.id] },
      publishedAt: at,
    }));
  });
}
