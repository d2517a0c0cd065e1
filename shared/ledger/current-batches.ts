import { createHash } from "node:crypto";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { BatchDays } from "#shared/platform/warehouse/warehouse.ts";
import {
  type DayPricing,
  type DayState,
  type MonthHead,
  type PipelineMonth,
  readEntryKey,
  type Totals,
} from "./ledger.ts";

/** A published day as a reader needs it. */
export interface PublishedDay {
  pipelineId: string;
  source: string;
  day: string;
  state: DayState;
  rows: number;
  totals: Totals;
  /** Batch ids by table. */
  batches: Record<string, string[]>;
  publishedAt: string;
  pricing?: DayPricing;
  /** Content hash of the day by table. */
  hashes?: Record<string, string>;
  /** The repricing that published it. */
  reprice?: string;
}

/** What is current in one month; `version` is the cache key of everything made from it. */
export interface PublishedMonth {
  month: string;
  epoch: number;
  version: number;
  days: PublishedDay[];
}

/** The heads of some months, in one round trip: what a read checks before a cached frame may be used. */
export async function monthVersions(
  org: OrgIdentity,
  months: readonly string[],
  epoch: number,
  documents: Documents,
): Promise<Record<string, number>> {
  const heads = await documents.getAll<MonthHead>(months.map((month) => headPath(org, month)));
  return Object.fromEntries(months.map((month, at) => [month, currentVersion(heads[at]?.body, epoch)]));
}

/** Everything published in a month at one version. */
export function publishedMonth(
  org: OrgIdentity,
  month: string,
  epoch: number,
  documents: Documents,
): Promise<PublishedMonth> {
  return documents.transaction(async (tx) => {
    const head = (await tx.get<MonthHead>(headPath(org, month))).body;
    const version = currentVersion(head, epoch);
    const pipelineIds = version === 0 ? [] : Object.keys(head?.shards ?? {}).sort();
    const shards = await tx.getAll<PipelineMonth>(pipelineIds.map((id) => pipelineMonthPath(org, month, id)));
    const days = shards.flatMap(({ body }, at) =>
      body === undefined ? [] : publishedDays(month, pipelineIds[at] ?? "", body),
    );
    return { month, epoch, version, days };
  });
}

/** The (batch, days) pairs of one table: what a warehouse read names. */
export function batchDaysOf(days: readonly PublishedDay[], table: string): BatchDays[] {
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
  return Object.entries(shard.entries).map(([key, entry]) => {
    const batches: Record<string, string[]> = {};
    for (const number of entry.b) {
      const batch = shard.batches[number];
      if (batch !== undefined) batches[batch.table] = [...(batches[batch.table] ?? []), batch.id];
    }
    const place = readEntryKey(month, key);
    return {
      pipelineId,
      ...place,
      state: entry.s,
      rows: entry.r,
      totals: entry.t,
      batches,
      publishedAt: entry.at,
      ...(entry.p === undefined ? {} : { pricing: entry.p }),
      hashes: entry.h,
      ...(entry.reprice === undefined ? {} : { reprice: entry.reprice }),
    };
  });
}
