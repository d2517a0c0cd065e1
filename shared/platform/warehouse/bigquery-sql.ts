import type { Query } from "@google-cloud/bigquery";
import { BATCH_COLUMN } from "./batch-check.ts";
import type { Column, TableDefinition } from "./table.ts";
import { baseTable, type View } from "./view.ts";
import type { DayRange } from "./warehouse.ts";
import { checkedName } from "./warehouse-names.ts";

/** A statement with named parameters, in the shape of the BigQuery client's `query`. */
export interface Statement {
  query: string;
  params: Record<string, unknown>;
  types: Exclude<Query["types"], undefined>;
}

interface TablePath {
  projectId: string;
  datasetId: string;
  table: TableDefinition;
}

export interface BatchDay {
  batchId: string;
  day: string;
}

const PROJECT = /^[a-z0-9.:-]{1,100}$/;
const EPOCH_OF_PARTITIONS = "0001-01-01";

/**
 * Rows of the pairs. The predicate on the partition field prunes and satisfies `require_partition_filter`; the join
 * decides. Every type whose JSON form could lose something leaves as text.
 */
export function readStatement(path: TablePath, columns: readonly Column[], pairs: readonly BatchDay[]): Statement {
  const { partition } = path.table;
  const field = partition && dayOf(path.table);
  const days = pairs.map(({ day }) => day).sort();
  const lines = [
    "-- cost-atlas warehouse/read v1",
    "SELECT",
    columns.map((column) => `  ${exactly(column)} AS ${quoted(column.name)}`).join(",\n"),
    `FROM ${pathText(path)} AS t`,
    `JOIN UNNEST(@pairs) AS pair ON pair.batch_id = t.${quoted(BATCH_COLUMN)}${field ? ` AND pair.day = ${field}` : ""}`,
    `WHERE t.${quoted(BATCH_COLUMN)} IN UNNEST(@batch_ids)`,
  ];
  if (partition) lines.push(`AND ${partitionBetween(path.table)}`);
  return {
    query: lines.join("\n"),
    params: {
      pairs: pairs.map(({ batchId, day }) => ({ batch_id: batchId, day: dateParameter(day) })),
      batch_ids: [...new Set(pairs.map(({ batchId }) => batchId))],
      ...(partition && { first_day: dateParameter(days[0]), last_day: dateParameter(days.at(-1)) }),
    },
    types: {
      pairs: [{ batch_id: "STRING", day: "DATE" }],
      batch_ids: ["STRING"],
      ...(partition && { first_day: "DATE", last_day: "DATE" }),
    },
  };
}

/** Rows of a view, of some days of its table's partition field if any are named. */
export function readViewStatement(
  path: { projectId: string; datasetId: string; view: View },
  columns: readonly Column[],
  days: DayRange | undefined,
): Statement {
  const lines = [
    "-- cost-atlas warehouse/view v1",
    "SELECT",
    columns.map((column) => `  ${exactly(column)} AS ${quoted(column.name)}`).join(",\n"),
    `FROM ${namedPath({ ...path, name: path.view.name })} AS t`,
  ];
  if (days === undefined) return { query: lines.join("\n"), params: {}, types: {} };
  lines.push(`WHERE ${partitionBetween(baseTable(path.view))}`);
  return {
    query: lines.join("\n"),
    params: { first_day: dateParameter(days.first), last_day: dateParameter(days.last) },
    types: { first_day: "DATE", last_day: "DATE" },
  };
}

export function removeStatement(path: TablePath, batchIds: readonly string[]): Statement {
  const lines = [
    "-- cost-atlas warehouse/remove v1",
    `DELETE FROM ${pathText(path)} AS t`,
    `WHERE t.${quoted(BATCH_COLUMN)} IN UNNEST(@batch_ids)`,
    ...everyPartition(path.table),
  ];
  return { query: lines.join("\n"), params: { batch_ids: batchIds }, types: { batch_ids: ["STRING"] } };
}

export function eraseStatement(path: TablePath, column: string, orgSlug: string): Statement {
  const lines = [
    "-- cost-atlas warehouse/erase v1",
    `DELETE FROM ${pathText(path)} AS t`,
    `WHERE t.${quoted(column)} = @org_slug`,
    ...everyPartition(path.table),
  ];
  return { query: lines.join("\n"), params: { org_slug: orgSlug }, types: { org_slug: "STRING" } };
}

/** What the client makes of its own date class: text under the type DATE would leave it as undefined. */
function dateParameter(day: string | undefined): { value: string | undefined } {
  return { value: day };
}

function exactly(column: Column): string {
  const name = `t.${quoted(column.name)}`;
  if (column.mode === "REPEATED") return name;
  switch (column.type) {
    case "BIGNUMERIC":
    case "INT64":
    case "DATE":
      return `CAST(${name} AS STRING)`;
    case "TIMESTAMP":
      return `FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%E6SZ', ${name}, 'UTC')`;
    case "JSON":
      return `IF(${name} IS NULL, NULL, TO_JSON_STRING(${name}))`;
    default:
      return name;
  }
}

/** The UTC day of the partition field. */
export function dayOf(table: TableDefinition): string {
  const field = `t.${quoted(table.partition?.field ?? "")}`;
  return isTimestampPartition(table) ? `DATE(${field}, 'UTC')` : field;
}

function partitionBetween(table: TableDefinition): string {
  const field = `t.${quoted(table.partition?.field ?? "")}`;
  if (!isTimestampPartition(table)) return `${field} BETWEEN @first_day AND @last_day`;
  return `${field} >= TIMESTAMP(@first_day, 'UTC') AND ${field} < TIMESTAMP(DATE_ADD(@last_day, INTERVAL 1 DAY), 'UTC')`;
}

/** Tables that require a partition filter require it of a DELETE too. */
function everyPartition(table: TableDefinition): string[] {
  if (!table.partition) return [];
  const type = isTimestampPartition(table) ? "TIMESTAMP" : "DATE";
  return [`AND t.${quoted(table.partition.field)} >= ${type} '${EPOCH_OF_PARTITIONS}'`];
}

function isTimestampPartition(table: TableDefinition): boolean {
  return table.columns.some(({ name, type }) => name === table.partition?.field && type === "TIMESTAMP");
}

function pathText({ projectId, datasetId, table }: TablePath): string {
  return namedPath({ projectId, datasetId, name: table.name });
}

/** Where a table or view stands, quoted. */
export function namedPath({
  projectId,
  datasetId,
  name,
}: {
  projectId: string;
  datasetId: string;
  name: string;
}): string {
  if (!PROJECT.test(projectId)) throw new RangeError(`not a project id: ${projectId}`);
  return `\`${projectId}.${checkedName("dataset", datasetId)}.${checkedName("table", name)}\``;
}

export function quoted(name: string): string {
  return `\`${checkedName("column", name)}\``;
}
