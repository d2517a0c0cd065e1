import type { Catalog, Row, StoredTable } from "./catalog.ts";
import { RestError } from "./rest-error.ts";
import { type Cell, dayOfCell, type Field, instantOfCell } from "./stored-values.ts";
import { viewResult } from "./view-engine.ts";

/** The result of a statement: its columns and rows as REST answers them. */
export interface StatementResult {
  fields: Field[];
  rows: { f: { v: unknown }[] }[];
  affectedRows: number;
}

export type Parameters = Map<string, unknown>;

interface Statement {
  table: StoredTable;
  lines: string[];
  parameters: Parameters;
}

const MARKER = /^-- cost-atlas warehouse\/(read|view|remove|erase) v1$/;
const TABLE = /^(?:FROM|DELETE FROM) `[a-z0-9.:-]+?\.(\w+)\.([\w-]+)` AS t$/;

/** Runs the marked templates of the adapter, line by line, and refuses any other text. */
export async function runStatement(catalog: Catalog, query: string, parameters: Parameters): Promise<StatementResult> {
  const [marker = "", ...lines] = query.split("\n");
  const name = MARKER.exec(marker)?.[1];
  const path = lines.map((line) => TABLE.exec(line)).find((match) => match !== null);
  if (!name || !path) throw syntaxError(marker);
  const table = catalog.table(path[1] ?? "", path[2] ?? "");
  const statement = { table, lines: lines.map((line) => line.trim()), parameters };
  if (name === "view") return readView(catalog, statement);
  if (table.view !== undefined) throw queryError(`${table.tableId} is a view`);
  if (name === "read") return read(statement);
  return remove(
    statement,
    name === "remove" ? /^WHERE t\.`(\w+)` IN UNNEST\(@(\w+)\)$/ : /^WHERE t\.`(\w+)` = @(\w+)$/,
  );
}

function read(statement: Statement): StatementResult {
  const { table, lines, parameters } = statement;
  const from = lines.findIndex((line) => line.startsWith("FROM"));
  const selected = lines.slice(1, from).map((line) => selection(table, line.replace(/,$/, "")));
  const [join = "", where = "", predicate, ...rest] = lines.slice(from + 1);
  if (lines[0] !== "SELECT" || selected.length === 0 || rest.length > 0) throw syntaxError(join);
  const matches = joined(table, join, parameters);
  const named = listed(table, where, /^WHERE t\.`(\w+)` IN UNNEST\(@(\w+)\)$/, parameters);
  const inRange = ranged(table, predicate, parameters);
  const rows = table.rows
    .filter((row) => named(row) && inRange(row))
    .flatMap((row) => Array.from({ length: matches(row) }, () => row))
    .map((row) => ({ f: selected.map(({ value }) => ({ v: value(row) })) }));
  return { fields: selected.map(({ field }) => field), rows, affectedRows: 0 };
}

/** A view is computed at every query; the filter that its table demands must come with the query. */
async function readView(catalog: Catalog, { table, lines, parameters }: Statement): Promise<StatementResult> {
  const from = lines.findIndex((line) => line.startsWith("FROM"));
  const [where, ...rest] = lines.slice(from + 1);
  if (table.view === undefined || lines[0] !== "SELECT" || rest.length > 0) throw syntaxError(rest[0] ?? table.tableId);
  const { fields, rows } = await viewResult(catalog, table.view.query);
  const shown: StoredTable = { ...table, fields, rows, ...demandedFilter(catalog, table.view.query) };
  const selected = lines.slice(1, from).map((line) => selection(shown, line.replace(/,$/, "")));
  const inRange = ranged(shown, where?.replace(/^WHERE /, "AND "), parameters);
  return {
    fields: selected.map(({ field }) => field),
    rows: rows.filter(inRange).map((row) => ({ f: selected.map(({ value }) => ({ v: value(row) })) })),
    affectedRows: 0,
  };
}

/** The partition filter of the first table below a view. */
function demandedFilter(catalog: Catalog, query: string): Pick<StoredTable, "partition" | "requirePartitionFilter"> {
  const path = /FROM `[a-z0-9.:-]+?\.(\w+)\.([\w-]+)`/.exec(query);
  const { view, partition, requirePartitionFilter } = catalog.table(path?.[1] ?? "", path?.[2] ?? "");
  return view === undefined ? { partition, requirePartitionFilter } : demandedFilter(catalog, view.query);
}

function remove({ table, lines, parameters }: Statement, form: RegExp): StatementResult {
  const [, where = "", predicate, ...rest] = lines;
  if (rest.length > 0) throw syntaxError(rest[0] ?? "");
  const isGone = listed(table, where, form, parameters);
  checkEveryPartition(table, predicate);
  const kept = table.rows.filter((row) => !isGone(row));
  const affectedRows = table.rows.length - kept.length;
  table.rows = kept;
  return { fields: [], rows: [], affectedRows };
}

/** One expression of the select list. */
function selection(table: StoredTable, line: string): { field: Field; value: (row: Row) => unknown } {
  const match = /^(.+) AS `(\w+)`$/.exec(line);
  const name = /t\.`(\w+)`/.exec(match?.[1] ?? "")?.[1] ?? "";
  const stored = fieldOf(table, name);
  const form = match?.[1]?.replaceAll(`t.\`${name}\``, "c");
  const field: Field = { name: match?.[2] ?? "", type: "STRING", mode: "NULLABLE" };
  if (form === "c")
    return { field: { ...stored, name: field.name }, value: (row) => restValue(stored, cell(row, name)) };
  const text = EXPRESSIONS[`${stored.type} ${form}`];
  if (!text) throw syntaxError(line);
  return { field, value: (row) => text(cell(row, name) as string | null) };
}

const CAST = "CAST(c AS STRING)";
const EXPRESSIONS: Record<string, (cell: string | null) => string | null> = {
  [`BIGNUMERIC ${CAST}`]: (value) => value,
  [`INTEGER ${CAST}`]: (value) => value,
  [`DATE ${CAST}`]: (value) => value,
  "TIMESTAMP FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%E6SZ', c, 'UTC')": (value) => value && instantOfCell(value),
  "JSON IF(c IS NULL, NULL, TO_JSON_STRING(c))": (value) => value,
};

/** How often a row meets a pair: a pair given twice would double it, as a join does. */
function joined(table: StoredTable, line: string, parameters: Parameters): (row: Row) => number {
  const match =
    /^JOIN UNNEST\(@(\w+)\) AS pair ON pair\.batch_id = t\.`(\w+)`(?: AND pair\.day = (?:t\.`(\w+)`|DATE\(t\.`(\w+)`, 'UTC'\)))?$/.exec(
      line,
    );
  if (!match) throw syntaxError(line);
  const pairs = parameters.get(match[1] ?? "") as { batch_id: string; day: string }[];
  const batch = fieldOf(table, match[2] ?? "").name;
  const dayName = match[3] ?? match[4];
  const day = dayName === undefined ? undefined : fieldOf(table, dayName);
  if (day && day.type !== (match[3] ? "DATE" : "TIMESTAMP")) throw syntaxError(line);
  return (row) =>
    pairs.filter(
      (pair) => pair.batch_id === cell(row, batch) && (!day || pair.day === dayOfCell(day, cell(row, day.name))),
    ).length;
}

function listed(table: StoredTable, line: string, form: RegExp, parameters: Parameters): (row: Row) => boolean {
  const match = form.exec(line);
  if (!match) throw syntaxError(line);
  const { name } = fieldOf(table, match[1] ?? "");
  const values = [parameters.get(match[2] ?? "")].flat();
  return (row) => values.includes(cell(row, name));
}

function ranged(table: StoredTable, line: string | undefined, parameters: Parameters): (row: Row) => boolean {
  const date = /^AND t\.`(\w+)` BETWEEN @first_day AND @last_day$/;
  const instant =
    /^AND t\.`(\w+)` >= TIMESTAMP\(@first_day, 'UTC'\) AND t\.`\1` < TIMESTAMP\(DATE_ADD\(@last_day, INTERVAL 1 DAY\), 'UTC'\)$/;
  const name = (date.exec(line ?? "") ?? instant.exec(line ?? ""))?.[1];
  if (line !== undefined && name === undefined) throw syntaxError(line);
  checkFilter(table, name);
  if (name === undefined) return () => true;
  const field = fieldOf(table, name);
  if ((field.type === "DATE") !== date.test(line ?? "")) throw syntaxError(line ?? "");
  const [first, last] = [String(parameters.get("first_day")), String(parameters.get("last_day"))];
  return (row) => {
    const day = dayOfCell(field, cell(row, name));
    return first <= day && day <= last;
  };
}

function checkEveryPartition(table: StoredTable, line: string | undefined): void {
  const match = /^AND t\.`(\w+)` >= (DATE|TIMESTAMP) '0001-01-01'$/.exec(line ?? "");
  if (line !== undefined && fieldOf(table, match?.[1] ?? "").type !== match?.[2]) throw syntaxError(line);
  checkFilter(table, match?.[1]);
}

function checkFilter(table: StoredTable, name: string | undefined): void {
  if (!table.requirePartitionFilter || name === table.partition?.field) return;
  throw queryError(
    `Cannot query over table '${table.tableId}' without a filter over column(s) '${table.partition?.field}'`,
  );
}

function fieldOf(table: StoredTable, name: string): Field {
  const field = table.fields.find((candidate) => candidate.name === name);
  if (!field) throw queryError(`Unrecognized name: ${name}`);
  return field;
}

function cell(row: Row, name: string): Cell {
  return row.get(name) ?? null;
}

/** REST answers elements of a REPEATED column as objects; a column added later is an empty list in older rows. */
function restValue(field: Field, value: Cell): unknown {
  return field.mode === "REPEATED" ? [value ?? []].flat().map((v) => ({ v })) : value;
}

function syntaxError(text: string): RestError {
  return queryError(`Syntax error: the double does not know "${text}"`);
}

function queryError(message: string): RestError {
  return new RestError(400, "invalidQuery", message);
}
