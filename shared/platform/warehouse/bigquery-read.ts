import type { BigQuery } from "@google-cloud/bigquery";
import pl, { type DataFrame } from "nodejs-polars";
import { BATCH_COLUMN, checkRead } from "./batch-check.ts";
import { pagesOf, type RawRow } from "./bigquery-query.ts";
import { type BatchDay, readStatement } from "./bigquery-sql.ts";
import { seriesOf } from "./column-series.ts";
import { emptyFrame } from "./frame.ts";
import type { Column, TableDefinition } from "./table.ts";
import type { BatchDays, TableSource } from "./warehouse.ts";
import { refused } from "./warehouse-errors.ts";

interface ReadPlace {
  bigquery: BigQuery;
  projectId: string;
  location: string;
  /** The columns that the stored table has: older tables lack newer ones. */
  storedColumns: ReadonlySet<string>;
}

/** One query for all pairs; pages become typed columns as they come, so text never piles up. */
export async function readRows(
  place: ReadPlace,
  source: TableSource,
  parts: readonly BatchDays[],
  names: readonly string[],
): Promise<DataFrame> {
  const { columns, days } = checkRead(source, parts, names);
  refuseWithoutBatches(source.table);
  const pairs = pairsOf(days, source.table);
  const stored = columns.filter(({ name }) => place.storedColumns.has(name));
  // Rows are counted by the batch column when no asked column is stored.
  const selected = stored.length > 0 ? stored : source.table.columns.filter(({ name }) => name === BATCH_COLUMN);
  const statement = readStatement({ ...place, ...source }, selected, pairs);
  const frames: DataFrame[] = [];
  if (pairs.length > 0) {
    for await (const rows of pagesOf(place.bigquery, statement, place.location))
      frames.push(frameOfPage(columns, selected, rows));
  }
  return frames.length === 0 ? emptyFrame(columns) : pl.concat(frames);
}

export function refuseWithoutBatches(table: TableDefinition): void {
  if (table.kind !== "data") throw refused(`rows of ${table.name} do not name their batch`);
}

/** An unpartitioned table has no days: its pairs differ by batch alone. */
function pairsOf(days: ReadonlyMap<string, ReadonlySet<string>>, table: TableDefinition): BatchDay[] {
  return [...days].flatMap(([batchId, asked]) =>
    table.partition ? [...asked].map((day) => ({ batchId, day })) : [{ batchId, day: "0001-01-01" }],
  );
}

export function frameOfPage(
  columns: readonly Column[],
  selected: readonly Column[],
  rows: readonly RawRow[],
): DataFrame {
  const places = new Map(selected.map(({ name }, index) => [name, index]));
  return pl.DataFrame(
    columns.map((column) => {
      const index = places.get(column.name);
      const values = rows.map((row) => (index === undefined ? null : cellOf(column, row.f[index]?.v ?? null)));
      return seriesOf(column.mode === "REQUIRED" ? { ...column, mode: "NULLABLE" } : column, values);
    }),
  );
}

function cellOf(column: Column, value: RawRow["f"][number]["v"]): unknown {
  if (Array.isArray(value)) return value.map((element) => element.v);
  if (value === null) return null;
  if (column.type === "BOOL") return value === "true";
  return column.type === "FLOAT64" ? Number(value) : value;
}
