import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import type { Catalog, Row, StoredTable } from "./catalog.ts";
import { RestError } from "./rest-error.ts";
import type { Cell, Field } from "./stored-values.ts";

/** A view's columns and the rows it shows at this moment. */
interface ViewResult {
  fields: Field[];
  rows: Row[];
}

const PATH = /`[a-z0-9.:-]+?\.(\w+)\.([\w-]+)`/g;

/**
 * Runs the query of a view on DuckDB: window functions, joins and groups are a real engine's, on copies of the tables
 * that the query names. Of BigQuery's dialect it understands what the adapter's views use.
 */
export async function viewResult(catalog: Catalog, query: string): Promise<ViewResult> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    await prepare(catalog, connection, query, new Set());
    return await result(connection, translated(query));
  } catch (error) {
    if (error instanceof RestError) throw error;
    throw new RestError(400, "invalidQuery", error instanceof Error ? error.message : String(error));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Tables that the query names become tables of DuckDB, views become views. */
async function prepare(
  catalog: Catalog,
  connection: DuckDBConnection,
  query: string,
  done: Set<string>,
): Promise<void> {
  for (const [, datasetId = "", tableId = ""] of query.matchAll(PATH)) {
    const name = `"${datasetId}"."${tableId}"`;
    if (done.has(name)) continue;
    done.add(name);
    const table = catalog.table(datasetId, tableId);
    await connection.run(`CREATE SCHEMA IF NOT EXISTS "${datasetId}"`);
    if (table.view === undefined) await copy(connection, name, table);
    else {
      await prepare(catalog, connection, table.view.query, done);
      await connection.run(`CREATE VIEW ${name} AS ${translated(table.view.query)}`);
    }
  }
}

async function copy(connection: DuckDBConnection, name: string, table: StoredTable): Promise<void> {
  const columns = table.fields.map((field) => `"${field.name}" VARCHAR`).join(", ");
  await connection.run(`CREATE OR REPLACE TABLE texts (${columns})`);
  const appender = await connection.createAppender("texts");
  for (const row of table.rows) {
    for (const field of table.fields) {
      const cell = row.get(field.name) ?? null;
      if (field.mode === "REPEATED") appender.appendVarchar(JSON.stringify(cell ?? []));
      else if (cell === null) appender.appendNull();
      else appender.appendVarchar(String(cell));
    }
    appender.endRow();
  }
  appender.closeSync();
  const typed = table.fields.map((field) => `${typeOf(field)} AS "${field.name}"`).join(", ");
  await connection.run(`CREATE TABLE ${name} AS SELECT ${typed} FROM texts`);
}

function typeOf({ name, type, mode }: Field): string {
  if (mode === "REPEATED") return `from_json("${name}", '["VARCHAR"]')`;
  if (type === "TIMESTAMP") return `make_timestamp(CAST("${name}" AS BIGINT))`;
  return `CAST("${name}" AS ${DUCKDB_TYPES[type] ?? "VARCHAR"})`;
}

const DUCKDB_TYPES: Record<string, string> = {
  STRING: "VARCHAR",
  INTEGER: "BIGINT",
  BIGNUMERIC: "DECIMAL(38,12)",
  BOOLEAN: "BOOLEAN",
  DATE: "DATE",
  JSON: "JSON",
  FLOAT: "DOUBLE",
};

const BIGQUERY_TYPES: Record<string, string> = {
  ...Object.fromEntries(Object.entries(DUCKDB_TYPES).map(([type, duckdb]) => [duckdb, type])),
  TIMESTAMP: "TIMESTAMP",
  "VARCHAR[]": "STRING",
};

/** The dialect's few differences: quoted paths and names, and the name of an unnested element. */
function translated(query: string): string {
  return query
    .replaceAll(PATH, '"$1"."$2"')
    .replaceAll("`", '"')
    .replaceAll(/UNNEST\(([^)]+)\) AS (\w+)/g, "UNNEST($1) AS unnested($2)")
    .replaceAll(/DATE\(([^,()]+), 'UTC'\)/g, "CAST($1 AS DATE)");
}

async function result(connection: DuckDBConnection, query: string): Promise<ViewResult> {
  const described = await connection.runAndReadAll(`DESCRIBE ${query}`);
  const fields = described.getRowsJson().map(([name, type]): Field => {
    const known = BIGQUERY_TYPES[String(type)];
    if (known === undefined) throw new RestError(400, "invalidQuery", `the double has no type ${String(type)}`);
    return { name: String(name), type: known, mode: String(type) === "VARCHAR[]" ? "REPEATED" : "NULLABLE" };
  });
  const texts = fields.map(asText).join(", ");
  const read = await connection.runAndReadAll(`SELECT ${texts} FROM (${query})`);
  const rows = read.getRowsJson().map((cells): Row => new Map(fields.map(({ name }, at) => [name, cells[at] as Cell])));
  return { fields, rows };
}

/** As the double stores a cell. */
function asText({ name, type, mode }: Field): string {
  const column = `"${name}"`;
  if (mode === "REPEATED") return column;
  if (type === "TIMESTAMP") return `CAST(epoch_us(${column}) AS VARCHAR)`;
  const text = `CAST(${column} AS VARCHAR)`;
  return type === "BIGNUMERIC" ? `regexp_replace(${text}, '\\.?0+$', '')` : text;
}
