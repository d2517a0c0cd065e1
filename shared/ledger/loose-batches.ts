import { createHash } from "node:crypto";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents, Transaction } from "#shared/platform/documents/documents.ts";
import { noteReached } from "./high-marks.ts";
import type { PipelineMonth } from "./ledger.ts";
import { budgetLimits, budgetPath, countedLoad, usedShare, type WarehouseBudget } from "./warehouse-budget.ts";

/**
 * Document `orgs/{key}/looseBatches/{id}`: a batch that nothing may name when it falls due. Noted when it is written, and
 * again each time a month names it no more; at `dueAt` of the last note it is removed unless something names it then. The
 * first note stays as long as the batch: only it knows all months that the batch has days of.
 */
export interface LooseBatch {
  batchId: string;
  table: string;
  /** Whose documents of these months would name it. */
  pipelineId: string;
  months: string[];
  /** The run that wrote it; null where none did. */
  runId: string | null;
  /** RFC 3339 UTC. */
  dueAt: string;
}

const dayMilliseconds = 86_400_000;
/** A batch that was never published. */
const unpublishedDays = 7;
/** A published one that another has replaced: reads of the past name it. */
export const replacedDays = 400;

export function looseBatchesPath(orgKey: string): string {
  return `orgs/${orgKey}/looseBatches`;
}

/** Where a batch that is about to be written is noted. */
export function newBatchPath(orgKey: string, batchId: string): string {
  return `${looseBatchesPath(orgKey)}/${batchId}`;
}

export function newBatch(batch: Omit<LooseBatch, "dueAt">, now: Date): LooseBatch {
  return { ...batch, dueAt: inDays(now, unpublishedDays) };
}

/**
 * Notes a batch of corrections outside of any other transaction, once, and counts its load in the day's budget. Throws
 * `WAREHOUSE_BUDGET`.
 */
export async function noteNewBatch(
  org: OrgIdentity,
  batch: Omit<LooseBatch, "dueAt">,
  days: number,
  documents: Documents,
): Promise<void> {
  const path = newBatchPath(org.key, batch.batchId);
  const { table } = batch;
  const share = await documents.transaction(async (tx) => {
    const { body: known, readAt: now } = await tx.get<LooseBatch>(path);
    const budget = await tx.get<WarehouseBudget>(budgetPath(org.key, now));
    if (known !== undefined) return undefined;
    const load = { table, days, isBackfill: false };
    const counted = countedLoad(budget.body, load, { now, limits: budgetLimits });
    tx.set<WarehouseBudget>(budget.path, counted);
    tx.create<LooseBatch>(path, newBatch(batch, now));
    return usedShare(counted, table, budgetLimits);
  });
  if (share !== undefined) await noteReached({ kind: "loaded", table, share }, documents);
}

/** Notes what a month's document named before a change and names no more. `change` tells changes of one month apart. */
export function noteReplaced(
  org: OrgIdentity,
  of: { pipelineId: string; month: string; change: string },
  { before, after }: { before: PipelineMonth | undefined; after: PipelineMonth },
  { tx, now }: { tx: Pick<Transaction, "create">; now: Date },
): void {
  const named = new Set(Object.values(after.batches).map(({ id }) => id));
  const distinct = createHash("sha256").update(`${of.month}|${of.change}`).digest("hex").slice(0, 12);
  for (const { id, table, run } of Object.values(before?.batches ?? {})) {
    if (named.has(id)) continue;
    tx.create<LooseBatch>(`${looseBatchesPath(org.key)}/${id}~${distinct}`, {
      batchId: id,
      table,
      pipelineId: of.pipelineId,
      months: [of.month],
      runId: run,
      dueAt: inDays(now, replacedDays),
    });
  }
}

export function inDays(now: Date, days: number): string {
  return new Date(now.getTime() + days * dayMilliseconds).toISOString();
}
