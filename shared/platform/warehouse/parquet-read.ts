import pl, { type DataFrame, type Expr, type LazyDataFrame } from "nodejs-polars";
import { checkRead } from "./batch-check.ts";
import { dataTypeOf, seriesOf } from "./column-series.ts";
import { emptyFrame } from "./frame.ts";
import { ALL_DAYS, type ParquetLayout } from "./parquet-layout.ts";
import { type Manifest, readManifest } from "./parquet-manifest.ts";
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
  const manifests = await Promise.all([...days.keys()].map((batchId) => readManifest(layout, source, batchId)));
  // One expression for all files and columns: making one takes half a millisecond.
  const asked = pl.cols(columns.map(({ name }) => name));
  const nothing = nullsOf(columns);
  const scans = manifests.flatMap((manifest) => {
    if (!manifest || manifest.removed) return [];
    return filesOf(source, manifest, days.get(manifest.batchId) ?? new Set()).map((day) =>
      scan(layout.rows(source, day, manifest.batchId), manifest, nothing).select(asked),
    );
  });
  if (scans.length === 0) return emptyFrame(columns);
  return withEmptyLists(await collected(scans), columns);
}

/** An unpartitioned table has one file per batch, whatever days are asked for. */
function filesOf(source: TableSource, manifest: Manifest, days: ReadonlySet<string>): string[] {
  const asked = source.table.partition ? [...days].sort() : [ALL_DAYS];
  return asked.filter((day) => Object.hasOwn(manifest.days, day));
}

/** What stands for a column that a file lacks; made when the first file lacks it, and once. */
function nullsOf(columns: readonly Column[]): (stored: ReadonlySet<string>) => Expr[] {
  const made = new Map<string, Expr>();
  return (stored) =>
    columns.flatMap((column) => {
      if (stored.has(column.name)) return [];
      const value = made.get(column.name) ?? pl.lit(null).cast(dataTypeOf(column)).alias(column.name);
      made.set(column.name, value);
      return [value];
    });
}

/** Nulls come in beside the stored columns: a selection of literals alone would have one row, not the file's. */
function scan(path: string, manifest: Manifest, nothing: (stored: ReadonlySet<string>) => Expr[]): LazyDataFrame {
  const missing = nothing(new Set(manifest.columns.map(({ name }) => name)));
  const file = pl.scanParquet(path, { glob: false });
  return missing.length === 0 ? file : file.withColumns(...missing);
}

/** The manifest named the file: that it cannot be read is never "no rows". */
async function collected(scans: LazyDataFrame[]): Promise<DataFrame> {
  try {
    return await pl.concat(scans).collect();
  } catch (error) {
    throw unavailable("a stored file of a published batch cannot be read", error);
  }
}

/** A list is never null: BigQuery does not tell a null list from an empty one. */
function withEmptyLists(frame: DataFrame, columns: readonly Column[]): DataFrame {
  return columns.reduce((whole, column) => {
    const series = whole.getColumn(column.name);
    if (column.mode !== "REPEATED" || series.nullCount() === 0) return whole;
    return whole.withColumn(seriesOf(column, series.toArray()));
  }, frame);
}
