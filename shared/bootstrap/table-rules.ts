import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import { definedColumns, isColumn, reportRepeatedColumns } from "./column-rules.ts";
import type { ColumnShape, Report, TableShape } from "./config-shapes.ts";
import { eventKey, historyColumns } from "./history-columns.ts";

interface TableSource {
  name: string;
  /** Where its entry stands in `config.yml`. */
  path: string;
  settings: TableShape;
  schema: unknown;
}

/** One table by its entry and its schema file; undefined when either cannot be made sense of, all faults reported. */
export function definedTable(source: TableSource, report: Report): TableDefinition | undefined {
  const { name, path, settings, schema } = source;
  if (!/^[a-z][a-z0-9_]{0,190}$/.test(name)) report(path, "is not a table name");
  if (settings.description.trim() === "") report(`${path}/description`, "is empty");
  const { kind } = settings;
  if (!isKind(kind)) {
    report(`${path}/kind`, `is ${kind}, not state, event, data or journal`);
    return undefined;
  }
  const ownColumns = definedColumns({ name, kind }, schema, report);
  if (ownColumns === undefined) return undefined;
  const hasHistory = kind === "state" || kind === "event";
  const columns = hasHistory ? [...ownColumns, ...historyColumns] : ownColumns;
  reportRepeatedColumns({ name, columns }, report);
  const byName = new Map(columns.map((column) => [column.name, column]));
  reportKey(source, byName, report);
  reportPartition(source, byName, report);
  reportClustering(source, byName, report);
  if (!columns.every(isColumn)) return undefined;
  const { partition } = settings;
  return {
    name,
    description: settings.description,
    kind,
    key: kind === "event" ? eventKey : (settings.key ?? []),
    partition: partition && { field: partition.field, type: "DAY", expirationDays: partition.expiration_days },
    clustering: settings.clustering,
    columns,
  };
}

function isKind(kind: string): kind is TableDefinition["kind"] {
  return ["state", "event", "data", "journal"].includes(kind);
}

type ColumnsByName = ReadonlyMap<string, ColumnShape>;

function reportKey({ path, settings }: TableSource, columns: ColumnsByName, report: Report): void {
  const { kind, key } = settings;
  if (kind === "event") {
    if (key !== undefined) report(`${path}/key`, "must be absent: an event has one row per event_id");
    return;
  }
  if (key === undefined || key.length === 0) report(`${path}/key`, "is missing");
  for (const [index, name] of (key ?? []).entries()) {
    const column = columns.get(name);
    const at = `${path}/key/${index}`;
    if (column === undefined) report(at, `${name} is not a column`);
    else if (column.mode !== "REQUIRED") report(at, `${name} is a key column and not REQUIRED`);
    if (key?.indexOf(name) !== index) report(at, `${name} stands twice`);
  }
}

function reportPartition({ path, settings }: TableSource, columns: ColumnsByName, report: Report): void {
  const { kind, partition } = settings;
  if (partition === undefined) {
    if (kind === "data") report(`${path}/partition`, "is missing: rows of pipelines are kept by day");
    return;
  }
  const column = columns.get(partition.field);
  const field = `${path}/partition/field`;
  if (partition.type !== "DAY") report(`${path}/partition/type`, `is ${partition.type}, not DAY`);
  if (column === undefined) report(field, `${partition.field} is not a column`);
  else if (column.type !== "DATE" && column.type !== "TIMESTAMP") {
    report(field, `${partition.field} is ${column.type}, not DATE or TIMESTAMP`);
  }
}

function reportClustering({ path, settings }: TableSource, columns: ColumnsByName, report: Report): void {
  const names = settings.clustering;
  if (names.length < 1 || names.length > 4) report(`${path}/clustering`, `has ${names.length} columns, not 1 to 4`);
  for (const [index, name] of names.entries()) {
    const column = columns.get(name);
    const at = `${path}/clustering/${index}`;
    if (column === undefined) report(at, `${name} is not a column`);
    else if (column.mode === "REPEATED") report(at, `${name} is REPEATED and cannot cluster`);
    else if (column.type === "JSON" || column.type === "FLOAT64")
      report(at, `${name} is ${column.type} and cannot cluster`);
    if (names.indexOf(name) !== index) report(at, `${name} stands twice`);
  }
}
