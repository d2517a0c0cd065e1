import pl, { type DataFrame } from "nodejs-polars";
import { checkBatch } from "./batch-check.ts";
import { createText, makeFolder, readText, removeFile, settle } from "./durable-files.ts";
import { growTable } from "./parquet-datasets.ts";
import { ALL_DAYS, type ParquetLayout } from "./parquet-layout.ts";
import { createManifest, type Manifest, readManifest } from "./parquet-manifest.ts";
import type { TableDefinition } from "./table.ts";
import type { Batch } from "./warehouse.ts";
import { conflict } from "./warehouse-errors.ts";

const FILES_AT_ONCE = 4;

/** Writes one file per day and, last, the manifest: before it, nothing of the batch is visible. */
export async function writeBatch(layout: ParquetLayout, batch: Batch): Promise<void> {
  checkBatch(batch);
  await growTable(layout, batch);
  if (batch.rows.height === 0 || (await isWritten(layout, batch))) return;
  await claim(layout, batch);
  if (!(await readManifest(layout, batch, batch.batchId))) {
    const days = await countDays(batch);
    await writeDays(layout, batch, Object.keys(days));
    await createManifest(layout, batch, manifestOf(batch, days));
  }
  // With a manifest in place the claim protects nothing more; after a failure it stays and keeps other rows away.
  await removeFile(layout.claim(batch, batch.batchId));
  await isWritten(layout, batch);
}

async function isWritten(layout: ParquetLayout, batch: Batch): Promise<boolean> {
  const manifest = await readManifest(layout, batch, batch.batchId);
  if (manifest && manifest.contentHash !== batch.contentHash) throw conflict(batch.batchId);
  return manifest !== undefined;
}

/** Two writers of the same rows may work side by side, their files are equal; other rows must stay away. */
async function claim(layout: ParquetLayout, batch: Batch): Promise<void> {
  const path = layout.claim(batch, batch.batchId);
  if (await createText(path, batch.contentHash)) return;
  const holder = await readText(path);
  if (holder !== undefined && holder !== batch.contentHash) throw conflict(batch.batchId);
}

/** Rows per day. */
async function countDays(batch: Batch): Promise<Record<string, number>> {
  const { partition } = batch.table;
  if (!partition) return { [ALL_DAYS]: batch.rows.height };
  const day = pl.col(partition.field).cast(pl.Date).cast(pl.Utf8).alias("day");
  const counts = await batch.rows.lazy().select(day).groupBy(["day"]).agg(pl.len().alias("rows")).collect();
  const rows = counts.getColumn("rows").toArray();
  return Object.fromEntries(
    counts
      .getColumn("day")
      .toArray()
      .map((name, index) => [String(name), Number(rows[index])]),
  );
}

async function writeDays(layout: ParquetLayout, batch: Batch, days: readonly string[]): Promise<void> {
  // Once, and by name: in a lazy selection each column of each day would cost a millisecond.
  const rows = batch.rows.select(...batch.table.columns.map(({ name }) => name));
  const ordered = { ...batch, rows };
  for (let start = 0; start < days.length; start += FILES_AT_ONCE) {
    await Promise.all(days.slice(start, start + FILES_AT_ONCE).map((day) => writeDay(layout, ordered, day)));
  }
}

async function writeDay(layout: ParquetLayout, batch: Batch, day: string): Promise<void> {
  await makeFolder(layout.day(batch, day));
  const aside = layout.aside(batch);
  await ofDay(batch.rows, batch.table, day).sinkParquet(aside, { compression: "zstd" }).collect();
  await settle(aside, layout.rows(batch, day, batch.batchId));
}

function ofDay(rows: DataFrame, table: TableDefinition, day: string): ReturnType<DataFrame["lazy"]> {
  if (!table.partition) return rows.lazy();
  return rows.lazy().filter(pl.col(table.partition.field).cast(pl.Date).eq(pl.lit(day).cast(pl.Date)));
}

function manifestOf(batch: Batch, days: Record<string, number>): Manifest {
  const columns = batch.table.columns.map(({ name, type, mode }) => ({ name, type, mode }));
  return { batchId: batch.batchId, contentHash: batch.contentHash, rows: batch.rows.height, days, columns };
}
