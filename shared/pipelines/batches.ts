import type { DataFrame } from "nodejs-polars";
import { noteReached } from "#shared/ledger/high-marks.ts";
import { monthOf } from "#shared/ledger/ledger.ts";
import { type LooseBatch, newBatch, newBatchPath } from "#shared/ledger/loose-batches.ts";
import {
  type BudgetLimits,
  budgetLimits,
  budgetPath,
  countedLoad,
  usedShare,
  type WarehouseBudget,
} from "#shared/ledger/warehouse-budget.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { BatchDays } from "#shared/platform/warehouse/warehouse.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { type Claim, isStillOurs } from "./claim.ts";
import type { EnginePorts } from "./engine-ports.ts";
import { LeaseLost } from "./lease-lost.ts";
import type { PartDocument, RunDocument } from "./run.ts";
import { partPath, runPath } from "./run-paths.ts";

/** Where the batches of one run lie with their part documents: in the warehouse, or nowhere but here for a dry run. */
export interface Batches {
  /** Writes the part once; `rows` is only called where they are not there yet. */
  write(part: PartDocument, table: TableDefinition, rows: () => Promise<DataFrame>): Promise<void>;
  /** In the order of the ids. */
  parts(batchIds: readonly string[]): Promise<PartDocument[]>;
  read(table: TableDefinition, pairs: readonly BatchDays[], columns: readonly string[]): Promise<DataFrame>;
}

/** Registers a part, loads its batch, marks it loaded (T4 and the load of `pipelines.md` 7.4). */
export function durableBatches(claim: Claim, ports: EnginePorts, limits: BudgetLimits = budgetLimits): Batches {
  const { run, org } = claim;
  const datasetId = org.dataset.id;
  return {
    async write(part, table, rows) {
      const stored = await storePart(run, part, ports, limits);
      if (stored.state !== "REGISTERED") return;
      const { batchId, contentHash } = part;
      await ports.warehouse.write({ datasetId, table, batchId, contentHash, rows: await rows() });
      await storePart(run, { ...part, state: "LOADED" }, ports, limits);
    },
    async parts(batchIds) {
      const paths = batchIds.map((batchId) => partPath(run.org.key, run.runId, batchId));
      const snapshots = await ports.documents.getAll<PartDocument>(paths);
      return snapshots.map(({ path, body }) => {
        if (body === undefined || body.state === "REGISTERED") throw new Error(`the part ${path} is not loaded`);
        return body;
      });
    },
    read: (table, pairs, columns) => ports.warehouse.read({ datasetId, table }, pairs, columns),
  };
}

/**
 * Moves a part on, never back: an earlier attempt of the step may have written the same rows. The load of a new one is
 * counted in the day's budget; where there is none left `WAREHOUSE_BUDGET` parks the run.
 */
async function storePart(
  run: RunDocument,
  part: PartDocument,
  ports: EnginePorts,
  limits: BudgetLimits,
): Promise<PartDocument> {
  const { table } = part;
  const { kept, share } = await commitChange(async (change) => {
    const stored = await change.get<RunDocument>(runPath(run.org.key, run.runId));
    const path = partPath(run.org.key, run.runId, part.batchId);
    const known = (await change.get<PartDocument>(path)).body;
    const budget = await change.get<WarehouseBudget>(budgetPath(run.org.key, stored.readAt));
    if (!isStillOurs(run, stored.body)) throw new LeaseLost();
    if (known !== undefined && (known.state !== "REGISTERED" || part.state === "REGISTERED")) return { kept: known };
    change.set<PartDocument>(path, part);
    if (known !== undefined || part.state !== "REGISTERED") return { kept: part };
    const load = { table, days: Object.keys(part.days).length, isBackfill: run.backfillId !== null };
    const counted = countedLoad(budget.body, load, { now: stored.readAt, limits });
    change.set<WarehouseBudget>(budget.path, counted);
    change.create<LooseBatch>(newBatchPath(run.org.key, part.batchId), newBatch(looseOf(run, part), stored.readAt));
    return { kept: part, share: usedShare(counted, table, limits) };
  }, ports);
  if (share !== undefined) await noteReached({ kind: "loaded", table, share }, ports.documents);
  return kept;
}

/** Who would name the batch once it is published. */
function looseOf(run: RunDocument, { batchId, table, days, repriced }: PartDocument): Omit<LooseBatch, "dueAt"> {
  const months = [...new Set(Object.keys(days).map(monthOf))];
  return { batchId, table, months, pipelineId: repriced?.pipelineId ?? run.pipelineId, runId: run.runId };
}

/** Batches of a dry run: kept in memory for its checks, gone with it. */
export function memoryBatches(): Batches {
  const held = new Map<string, { part: PartDocument; frame: DataFrame | undefined }>();
  return {
    async write(part, _table, rows) {
      const known = held.get(part.batchId);
      if (known !== undefined) return;
      const isLoaded = part.state === "REGISTERED";
      const frame = isLoaded ? await rows() : undefined;
      held.set(part.batchId, { part: isLoaded ? { ...part, state: "LOADED" } : part, frame });
    },
    async parts(batchIds) {
      return batchIds.map((batchId) => {
        const own = held.get(batchId);
        if (own === undefined) throw new Error(`the part ${batchId} is not there`);
        return own.part;
      });
    },
    async read(table, pairs, columns) {
      const [{ default: pl }, { emptyFrame, columnsNamed }] = await Promise.all([
        import("nodejs-polars"),
        import("#shared/platform/warehouse/frame.ts"),
      ]);
      const field = table.partition?.field ?? "";
      const frames = pairs.flatMap(({ batchId, days }) => {
        const frame = held.get(batchId)?.frame;
        if (frame === undefined) return [];
        const isAsked = pl
          .col(field)
          .cast(pl.Utf8)
          .isIn([...days]);
        return [frame.filter(isAsked).select(...columns)];
      });
      return frames.length === 0 ? emptyFrame(columnsNamed(table, columns)) : pl.concat(frames);
    },
  };
}
