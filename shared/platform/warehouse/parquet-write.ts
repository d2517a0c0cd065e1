import pl, { type DataFrame, type Expr } from "nodejs-polars";
import { checkBatch, isOrganizationColumn } from "./batch-check.ts";
import { createText, makeFolder, readText, removeFile, settle } from "./durable-files.ts";
import { growTable } from "./parquet-datasets.ts";
import { ALL_DAYS, type ParquetLayout } from "./parquet-layout.ts";
import { createManifest, type Manifest, readManifest } from "./parquet-manifest.ts";
import type { Column } from "./table.ts";
import type { Batch } from "./warehouse.ts";
import { conflict } from "./warehouse-errors.ts";

const FILES_AT_ONCE = 4;
/** Higher levels take a sixth longer and make nothing smaller; `settle` syncs the file. */
const sinkOptions = {
  compression: "zstd",
  compressionLevel: 1,
  sinkOptions: { syncOnClose: "none", maintainOrder: true, mkdir: false },
} as const;

/** Writes one file per day and, last, the manifest: before it, nothing of the batch is visible. */
export async function writeBatch(layout: ParquetLayout, batch: Batch): Promise<void> {
  checkBatch(batch);
  await growTable(layout, batch);
  if (batch.rows.height === 0 || (await isWritten(layout, batch))) return;
  await claim(layout, batch);
  if (!(await readManifest(layout, batch, batch.batchId))) {
    const columns = storedColumns(batch);
    const days = await rowsByDay(batch, batch.rows.select(...columns.map(({ name }) => name)));
    await writeDays(layout, batch, days);
    await createManifest(layout, batch, manifestOf(batch, days, columns));
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

/**
 * A column without a value stays out of the files, whose cost is that of their columns more than that of their rows;
 * readers take it for one that was added later. Erasure asks whose rows they are.
 */
function storedColumns({ rows, table }: Batch): Column[] {
  const nulls = rows.nullCount().row(0);
  // A frame looks through all its columns whenever it is asked for a property.
  const { columns, height } = rows;
  const silent = new Set(columns.filter((_, at) => Number(nulls[at]) === height));
  return table.columns.filter(
    ({ name, mode }) => mode !== "NULLABLE" || isOrganizationColumn(name) || !silent.has(name),
  );
}

/** Made once: each expression takes up to a millisecond. */
const rowCount = pl.len().alias("n");
const dayAndCount = [pl.col("day").cast(pl.Utf8), pl.col("n")];
const backwards = pl.col("day").lt(pl.col("day").shift(1)).sum();

const dayExpressions = new Map<string, Expr>();

/** The day of a row by this column; the few names that tables partition by are kept. */
function dayOf(field: string): Expr {
  const day = dayExpressions.get(field) ?? pl.col(field).cast(pl.Date).alias("day");
  dayExpressions.set(field, day);
  return day;
}

type DayRows = ReadonlyMap<string, DataFrame>;

/** Slices of rows in the order of their days: to look for each day in all rows costs as much as to write it. */
async function rowsByDay({ table }: Batch, rows: DataFrame): Promise<DayRows> {
  if (!table.partition) return new Map([[ALL_DAYS, rows]]);
  const day = dayOf(table.partition.field);
  const ordered = (await isOrdered(rows, day))
    ? rows
    : await rows.lazy().sort({ by: day, maintainOrder: true }).collect();
  const counts = await ordered
    .lazy()
    .groupBy([day], true)
    .agg(rowCount)
    .select(...dayAndCount)
    .collect();
  const days = new Map<string, DataFrame>();
  let start = 0;
  for (const [name, count] of counts.rows()) {
    days.set(String(name), ordered.slice(start, Number(count)));
    start += Number(count);
  }
  return days;
}

async function isOrdered(rows: DataFrame, day: Expr): Promise<boolean> {
  const found = await rows.lazy().select(day).select(backwards).collect();
  return Number(found.row(0)[0] ?? 0) === 0;
}

async function writeDays(layout: ParquetLayout, batch: Batch, days: DayRows): Promise<void> {
  const all = [...days];
  for (let start = 0; start < all.length; start += FILES_AT_ONCE) {
    const some = all.slice(start, start + FILES_AT_ONCE);
    await Promise.all(some.map(([day, rows]) => writeDay(layout, batch, { day, rows })));
  }
}

async function writeDay(
  layout: ParquetLayout,
  batch: Batch,
  { day, rows }: { day: string; rows: DataFrame },
): Promise<void> {
  await makeFolder(layout.day(batch, day));
  const aside = layout.aside(batch);
  await rows.lazy().sinkParquet(aside, sinkOptions).collect();
  await settle(aside, layout.rows(batch, day, batch.batchId));
}

function manifestOf(batch: Batch, days: DayRows, stored: readonly Column[]): Manifest {
  const columns = stored.map(({ name, type, mode }) => ({ name, type, mode }));
  const counts = Object.fromEntries([...days].map(([day, { height }]) => [day, height]));
  return { batchId: batch.batchId, contentHash: batch.contentHash, rows: batch.rows.height, days: counts, columns };
}
