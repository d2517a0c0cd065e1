import { isLineageColumn, lineageColumns } from "#shared/lineage/lineage.ts";
import type { Column } from "#shared/platform/warehouse/table.ts";
import { type ColumnShape, type Report, SchemaShape, wellFormed } from "./config-shapes.ts";

const types: readonly string[] = ["STRING", "INT64", "BIGNUMERIC", "BOOL", "DATE", "TIMESTAMP", "JSON", "FLOAT64"];
const modes: readonly string[] = ["REQUIRED", "NULLABLE", "REPEATED"];
const exactAmount = /(?:cost|price|amount|quantity|rate)$/i;

/** The columns of one schema file as written, or undefined when it is no list of columns. Reports below `/schemas/<table>`. */
export function definedColumns(
  table: { name: string; kind: string },
  schema: unknown,
  report: Report,
): ColumnShape[] | undefined {
  const path = `/schemas/${table.name}`;
  const columns = wellFormed(SchemaShape, schema, path, report);
  if (columns === undefined) return undefined;
  if (columns.length === 0) report(path, "has no columns");
  for (const [index, column] of columns.entries()) {
    for (const problem of columnProblems(column, table.kind)) report(`${path}/${index}`, `${column.name} ${problem}`);
  }
  if (table.kind === "data") reportLineage(columns, path, report);
  return columns;
}

/** Names are one in BigQuery whatever their case. */
export function reportRepeatedColumns(table: { name: string; columns: readonly ColumnShape[] }, report: Report): void {
  const seen = new Set<string>();
  for (const { name } of table.columns) {
    if (seen.has(name.toLowerCase())) report(`/schemas/${table.name}`, `${name} is the name of two columns`);
    seen.add(name.toLowerCase());
  }
}

export function isColumn(column: ColumnShape): column is Column {
  return types.includes(column.type) && modes.includes(column.mode);
}

function columnProblems(column: ColumnShape, kind: string): string[] {
  const isLineage = /^x_/i.test(column.name);
  const problems = [
    !/^[A-Za-z_][A-Za-z0-9_]{0,199}$/.test(column.name) && "is not a column name",
    !types.includes(column.type) && `has the type ${column.type}, not one of ${types.join(", ")}`,
    !modes.includes(column.mode) && `has the mode ${column.mode}, not one of ${modes.join(", ")}`,
    column.mode === "REPEATED" && column.type !== "STRING" && "is REPEATED and not STRING",
    column.description.trim() === "" && "has an empty description",
    column.type === "FLOAT64" && exactAmount.test(column.name) && "is FLOAT64 but holds money, a price or a quantity",
    isLineage && kind !== "data" && kind !== "journal" && `is an x_ column in a table of kind ${kind}`,
    isLineage && !/^x_[a-z0-9_]+$/.test(column.name) && "is an x_ column not in snake case",
  ];
  return problems.filter((problem) => problem !== false);
}

function reportLineage(columns: readonly ColumnShape[], path: string, report: Report): void {
  const given = new Map(columns.map((column) => [column.name, column]));
  for (const { name, type, mode } of lineageColumns) {
    const column = given.get(name);
    if (column === undefined) report(path, `lacks the lineage column ${name}`);
    else if (column.type !== type || column.mode !== mode) report(path, `${name} must be ${type} ${mode}`);
  }
  const first = columns.findIndex(({ name }) => isLineageColumn(name));
  const isLast = columns.slice(first).every(({ name }) => isLineageColumn(name));
  if (first >= 0 && !isLast) report(path, "has columns behind the lineage block");
}
