import type { Column, TableDefinition } from "#shared/platform/warehouse/table.ts";
import { isPlainText, type SelectedColumn } from "#shared/platform/warehouse/view.ts";
import { type Report, type ViewShape, ViewShape as viewShape, wellFormed } from "./config-shapes.ts";

/** A selection of columns of one table: no free SQL, no arithmetic. */
export interface ViewDefinition {
  name: string;
  description: string;
  /** A table of the same dataset, or its `<table>_current`. */
  source: string;
  /** Only rows whose columns all equal these. */
  where: readonly { column: string; equals: string | boolean }[];
  /** With an aggregate among them, the columns without one group the rows. */
  columns: readonly SelectedColumn[];
}

interface KnownTables {
  names: readonly string[];
  /** Without the tables that are themselves at fault, so that no fault is reported twice. */
  sources: ReadonlyMap<string, TableDefinition>;
}

/** One view by its file; undefined when the file is malformed, all faults reported below `/views/<name>`. */
export function definedView(
  name: string,
  file: unknown,
  tables: KnownTables,
  report: Report,
): ViewDefinition | undefined {
  const path = `/views/${name}`;
  if (!/^[a-z][a-z0-9_]{0,190}$/.test(name)) report(path, "is not a view name");
  const shape = wellFormed(viewShape, file, path, report);
  if (shape === undefined) return undefined;
  const view: ViewDefinition = {
    name,
    description: shape.description,
    source: shape.source,
    where: Object.entries(shape.where ?? {}).map(([column, equals]) => ({ column, equals })),
    columns: shape.columns.map(columnOf),
  };
  const ofTable = tables.names.find((table) => view.source === table || view.source === `${table}_current`);
  const source = tables.sources.get(ofTable ?? "");
  if (ofTable === undefined) report(`${path}/source`, `${view.source} is not a table or its _current view`);
  if (source !== undefined) reportColumns(view, new Map(source.columns.map((column) => [column.name, column])), report);
  return view;
}

function columnOf(column: ViewShape["columns"][number]): SelectedColumn {
  if (typeof column === "string") return { name: column, from: [column], aggregate: undefined };
  const from = typeof column.from === "string" ? [column.from] : column.from;
  return { name: column.name, from, aggregate: column.aggregate };
}

function reportColumns(view: ViewDefinition, source: ReadonlyMap<string, Column>, report: Report): void {
  const seen = new Set<string>();
  const isGrouped = view.columns.some(({ aggregate }) => aggregate !== undefined);
  for (const [index, { name, from, aggregate }] of view.columns.entries()) {
    const at = `/views/${view.name}/columns/${index}`;
    const unknown = from.filter((column) => !source.has(column));
    if (unknown.length > 0) report(at, `${unknown.join(", ")} is not a column of ${view.source}`);
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,199}$/.test(name)) report(at, `${name} is not a column name`);
    if (new Set(from.map((column) => source.get(column)?.type)).size > 1) report(at, `${name} mixes types`);
    if (isGrouped && aggregate !== "count" && isList(source.get(from[0] ?? "")))
      report(at, `${name} is REPEATED or JSON and cannot group rows`);
    if (seen.has(name.toLowerCase())) report(at, `${name} is the name of two columns`);
    seen.add(name.toLowerCase());
  }
  for (const { column, equals } of view.where) {
    const wanted = typeof equals === "boolean" ? "BOOL" : "STRING";
    const isComparable = source.get(column)?.type === wanted && source.get(column)?.mode !== "REPEATED";
    const at = `/views/${view.name}/where/${column}`;
    if (!isComparable) report(at, `is not a ${wanted} column of ${view.source}`);
    if (typeof equals === "string" && !isPlainText(equals)) report(at, `${JSON.stringify(equals)} is not plain text`);
  }
}

function isList(column: Column | undefined): boolean {
  return column?.mode === "REPEATED" || column?.type === "JSON";
}
