import { readdir } from "node:fs/promises";
import { basename } from "node:path";
import pl, { type DataFrame, type Expr } from "nodejs-polars";
import { dataTypeOf } from "./column-series.ts";
import { rowsOf } from "./frame.ts";
import type { ParquetLayout } from "./parquet-layout.ts";
import { readManifest } from "./parquet-manifest.ts";
import { readRows } from "./parquet-read.ts";
import { isThere } from "./parquet-view-files.ts";
import { type JournalRow, journalColumns, publishedRows } from "./published-rows.ts";
import type { TableDefinition } from "./table.ts";
import type { CurrentView, SelectedColumn, SelectionView, View } from "./view.ts";
import { askedColumns, checkDays } from "./view-check.ts";
import type { BatchDays, DayRange } from "./warehouse.ts";
import { refused } from "./warehouse-errors.ts";

interface ViewRead<Kind extends View = View> {
  datasetId: string;
  view: Kind;
  days: DayRange | undefined;
}

/** Computes what BigQuery computes from the SQL of the same view. */
export async function readView(
  layout: ParquetLayout,
  { datasetId, view, days }: ViewRead,
  names: readonly string[],
): Promise<DataFrame> {
  const columns = askedColumns(view, names);
  checkDays(view, days);
  if (!(await isThere(layout, datasetId, view.name))) throw refused(`there is no view ${view.name} in ${datasetId}`);
  if (view.kind === "current") return currentRows(layout, { datasetId, view, days }, names);
  const rows = await selectedRows(layout, { datasetId, view, days });
  return rows.select(...columns.map((column) => pl.col(column.name).cast(dataTypeOf(column))));
}

async function currentRows(
  layout: ParquetLayout,
  { datasetId, view, days }: ViewRead<CurrentView>,
  names: readonly string[],
): Promise<DataFrame> {
  const { table } = view;
  const source = { datasetId, table };
  if (table.kind === "data") {
    const parts = await publishedParts(layout, { datasetId, view, days });
    return readRows(layout, source, parts, names);
  }
  const parts = await everyPart(layout, datasetId, table);
  const used =
    table.kind === "journal" ? journalColumns : [...table.key, "version", "recorded_at", "event_id", "operation"];
  const field = days === undefined ? [] : [table.partition?.field ?? ""];
  const stored = await readRows(layout, source, parts, [...new Set([...names, ...used, ...field])]);
  const current = table.kind === "journal" ? published(stored, table) : latest(stored, table);
  return (days === undefined ? current : current.filter(within(table, days))).select(...names);
}

/** Per key the row of the highest version; of state none where that one says that there is nothing. */
function latest(stored: DataFrame, table: TableDefinition): DataFrame {
  const rows = stored
    .sort(["version", "recorded_at", "event_id"], true)
    .unique({ subset: [...table.key], keep: "first", maintainOrder: true });
  return table.kind === "state" ? rows.filter(pl.col("operation").neq(pl.lit("DELETE"))) : rows;
}

function published(stored: DataFrame, table: TableDefinition): DataFrame {
  const rows = rowsOf(stored.select(...journalColumns), table) as unknown as JournalRow[];
  const current = new Set(publishedRows(rows));
  const isIn = rows.map((row) => current.has(row));
  return stored
    .withColumn(pl.Series("is_current", isIn, pl.Bool))
    .filter(pl.col("is_current"))
    .drop("is_current");
}

/** The pairs that the journal shows as published for the table of a data view, within the days if any are named. */
async function publishedParts(
  layout: ParquetLayout,
  { datasetId, view, days }: ViewRead<CurrentView>,
): Promise<BatchDays[]> {
  if (view.published === undefined) throw refused(`view ${view.name} has no journal`);
  const names = ["table_name", "x_batch_id", "charge_date"];
  const journal = await currentRows(layout, { datasetId, view: view.published, days: undefined }, names);
  const rows = rowsOf(journal, view.published.table) as unknown as JournalRow[];
  const isAsked = (day: string): boolean => days === undefined || (days.first <= day && day <= days.last);
  return rows.flatMap(({ table_name, x_batch_id, charge_date }) =>
    table_name === view.table.name && x_batch_id !== null && isAsked(charge_date)
      ? [{ batchId: x_batch_id, days: [charge_date] }]
      : [],
  );
}

/** All batches of a table that are there, with all their days. */
async function everyPart(layout: ParquetLayout, datasetId: string, table: TableDefinition): Promise<BatchDays[]> {
  const source = { datasetId, table };
  const files = (await readdir(layout.batches(source))).filter((name) => name.endsWith(".json")).sort();
  const manifests = await Promise.all(files.map((name) => readManifest(layout, source, basename(name, ".json"))));
  return manifests.flatMap((manifest) =>
    manifest === undefined
      ? []
      : [{ batchId: manifest.batchId, days: table.partition === undefined ? [] : Object.keys(manifest.days) }],
  );
}

async function selectedRows(
  layout: ParquetLayout,
  { datasetId, view, days }: ViewRead<SelectionView>,
): Promise<DataFrame> {
  const { source, where, columns } = view;
  const used = new Set([...columns.flatMap(({ from }) => from), ...where.map(({ column }) => column)]);
  const rows =
    source.kind === "current"
      ? await currentRows(layout, { datasetId, view: source, days }, [...used])
      : await tableRows(layout, { datasetId, table: source, days }, [...used]);
  const kept = where.reduce((frame, { column, equals }) => frame.filter(pl.col(column).eq(pl.lit(equals))), rows);
  const groups = columns.filter(({ aggregate }) => aggregate === undefined);
  const aggregates = columns.filter(({ aggregate }) => aggregate !== undefined);
  if (aggregates.length === 0) return kept.select(...groups.map(selectedValue));
  // Beside the columns of the source, whose names the view may use for something else.
  const keyed = kept.select(...columns.map(selectedValue));
  return keyed.groupBy(groups.map(({ name }) => name)).agg(...aggregates.map(aggregated));
}

async function tableRows(
  layout: ParquetLayout,
  { datasetId, table, days }: { datasetId: string; table: TableDefinition; days: DayRange | undefined },
  names: readonly string[],
): Promise<DataFrame> {
  const parts = await everyPart(layout, datasetId, table);
  const field = days === undefined ? [] : [table.partition?.field ?? ""];
  const rows = await readRows(layout, { datasetId, table }, parts, [...new Set([...names, ...field])]);
  return days === undefined ? rows : rows.filter(within(table, days));
}

/** The first of its columns that is not null, under the view's name for it. */
function selectedValue({ name, from }: SelectedColumn): Expr {
  const [first, ...others] = from.map((column) => pl.col(column));
  if (first === undefined) throw refused(`column ${name} of a view comes from nowhere`);
  return others.reduce((value, next) => pl.when(value.isNotNull()).then(value).otherwise(next), first).alias(name);
}

function aggregated({ name, aggregate }: SelectedColumn): Expr {
  return aggregate === "count" ? pl.col(name).count().cast(pl.Int64).alias(name) : pl.col(name).min().alias(name);
}

/** Rows on the days, by the UTC day of the partition field. */
function within(table: TableDefinition, days: DayRange): Expr {
  const day = pl.col(table.partition?.field ?? "").cast(pl.Date);
  const dateOf = (text: string): Expr => pl.lit(text).cast(pl.Date);
  return day.gtEq(dateOf(days.first)).and(day.ltEq(dateOf(days.last)));
}
