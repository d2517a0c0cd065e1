import type { DataFrame } from "nodejs-polars";
import { checkRead } from "./batch-check.ts";
import { seriesOf } from "./column-series.ts";
import { emptyFrame } from "./frame.ts";
import { type CopyKey, filesWorthCopy, findCopy, keepCopy } from "./parquet-copies.ts";
import { ALL_DAYS, type ParquetLayout } from "./parquet-layout.ts";
import { type Manifest, readManifest } from "./parquet-manifest.ts";
import { scanFiles } from "./parquet-scan.ts";
import type { Column } from "./table.ts";
import type { BatchDays, TableSource } from "./warehouse.ts";
import { unavailable } from "./warehouse-errors.ts";

/** Opens the files of the named pairs and no other; a batch without manifest, or removed, has no rows. */
export async function readRows(
  layout: ParquetLayout,
  source: TableSource,
  parts: readonly BatchDays[],
  names: readonly string[],
): Promise<DataFrame> {
  const { columns, days } = checkRead(source, parts, names);
  return rowsIn(layout, source, { columns, files: await promisedFiles(layout, source, days) });
}

/** As `readRows`; what lies in many files is left as one for the next read of the same rows. */
export async function readRowsByCopy(
  layout: ParquetLayout,
  source: TableSource,
  parts: readonly BatchDays[],
  names: readonly string[],
): Promise<DataFrame> {
  const { columns, days } = checkRead(source, parts, names);
  const files = await promisedFiles(layout, source, days);
  if (files.length < filesWorthCopy) return rowsIn(layout, source, { columns, files });
  const folder = layout.copies(source);
  const keyOf = (some: readonly PromisedFile[]): CopyKey => copyKey(source, columns, some);
  const copied = await rowsOfCopy(await findCopy(folder, keyOf(files)), columns);
  const promised = files.reduce((sum, { rows }) => sum + rows, 0);
  if (copied?.height === promised) return copied;
  const rows = await rowsIn(layout, source, { columns, files });
  const keyNow = async (): Promise<CopyKey> => keyOf(await promisedFiles(layout, source, days));
  if (rows.height === promised) await keepCopy(folder, { key: keyOf(files), rows, keyNow });
  return rows;
}

/** A file that a manifest says is there. */
interface PromisedFile {
  batchId: string;
  contentHash: string;
  day: string;
  rows: number;
}

async function promisedFiles(
  layout: ParquetLayout,
  source: TableSource,
  days: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<PromisedFile[]> {
  const manifests = await Promise.all([...days.keys()].map((batchId) => readManifest(layout, source, batchId)));
  return manifests.flatMap((manifest) =>
    manifest === undefined || manifest.removed
      ? []
      : filesOf(source, manifest, days.get(manifest.batchId) ?? new Set()),
  );
}

/** An unpartitioned table has one file per batch, whatever days are asked for. */
function filesOf(source: TableSource, manifest: Manifest, days: ReadonlySet<string>): PromisedFile[] {
  const { batchId, contentHash } = manifest;
  const asked = source.table.partition ? [...days].sort() : [ALL_DAYS];
  return asked.flatMap((day) => {
    const rows = Object.hasOwn(manifest.days, day) ? manifest.days[day] : undefined;
    return rows === undefined ? [] : [{ batchId, contentHash, day, rows }];
  });
}

async function rowsIn(
  layout: ParquetLayout,
  source: TableSource,
  { columns, files }: { columns: readonly Column[]; files: readonly PromisedFile[] },
): Promise<DataFrame> {
  if (files.length === 0) return emptyFrame(columns);
  const paths = files.map(({ day, batchId }) => layout.rows(source, day, batchId));
  const rows = await collected(paths, columns);
  refuseNulls(rows, columns);
  return withEmptyLists(rows, columns);
}

/** A copy may be let go of while it is read. */
async function rowsOfCopy(copy: string | undefined, columns: readonly Column[]): Promise<DataFrame | undefined> {
  if (copy === undefined) return undefined;
  return scanFiles([copy], columns)
    .collect()
    .catch(() => undefined);
}

function copyKey(source: TableSource, columns: readonly Column[], files: readonly PromisedFile[]): CopyKey {
  const shapes = columns.map(({ name, type, mode }) => ({ name, type, mode }));
  return { datasetId: source.datasetId, table: source.table.name, columns: shapes, files };
}

/** The manifest named the file: that it cannot be read is never "no rows". */
async function collected(files: readonly string[], columns: readonly Column[]): Promise<DataFrame> {
  try {
    return await scanFiles(files, columns).collect();
  } catch (error) {
    throw unavailable("a stored file of a published batch cannot be read", error);
  }
}

/** Every batch was written with all its REQUIRED values: a file that lacks such a column is not the one that was written. */
function refuseNulls(rows: DataFrame, columns: readonly Column[]): void {
  const nulls = rows.nullCount().row(0);
  const lost = columns.find(({ mode }, at) => mode === "REQUIRED" && Number(nulls[at]) > 0);
  if (lost !== undefined) throw unavailable(`a stored file of a published batch has no ${lost.name}`);
}

/** A list is never null: BigQuery does not tell a null list from an empty one. */
function withEmptyLists(frame: DataFrame, columns: readonly Column[]): DataFrame {
  const lists = columns.filter(({ mode }) => mode === "REPEATED");
  return lists.reduce((whole, column) => {
    const series = whole.getColumn(column.name);
    if (series.nullCount() === 0) return whole;
    return whole.withColumn(seriesOf(column, series.toArray()));
  }, frame);
}
