import { AppError } from "#shared/runtime/errors.ts";
import type { DeclaredQuery } from "./declared-queries.ts";
import type { Filter, Order, Query } from "./documents.ts";
import { type CursorValue, decodeCursor } from "./query-cursor.ts";

/** Bound by position. Never a boolean: the native binding ends the process on one. */
export type SqlValue = string | number | null;

export interface Statement {
  sql: string;
  values: readonly SqlValue[];
}

const storeColumns = new Map([
  ["createdAt", "created_at"],
  ["updatedAt", "updated_at"],
  ["version", "version"],
]);

/**
 * The index of a declared query. It is partial, so a document pays only for the queries of its own collection, and
 * ends with the path in the direction of the last order, so a page needs no sorting.
 */
export function indexStatement(name: string, declared: DeclaredQuery): string {
  const ordered = new Set(declared.orderBy.map((order) => order.field));
  const equal = declared.filters.filter((field) => !ordered.has(field)).map(expression);
  const orders = declared.orderBy.map((order) => `${expression(order.field)} ${order.direction}`);
  const columns = ["collection", ...equal, ...orders, `path ${tieDirection(declared.orderBy)}`];
  return `CREATE INDEX "${name}" ON documents (${columns.join(", ")}) WHERE ${inPattern(declared)}`;
}

/**
 * One page and one document more, which tells whether there is a next page. Follows Firestore: a filter matches values
 * of its own type only, and a document without an ordered field is not found.
 */
export function pageStatement(declared: DeclaredQuery, query: Query): Statement {
  const orderBy = query.orderBy ?? [];
  const filters = (query.filters ?? []).map(condition);
  const present = orderBy
    .filter(({ field }) => !storeColumns.has(field))
    .map(({ field }) => `${jsonType(field)} IS NOT NULL`);
  const after = afterCursor(query, orderBy);
  const orders = orderBy.map(({ field, direction }) => `${expression(field)} ${direction}`);
  const where = ["collection = ?", inPattern(declared), ...filters.map((part) => part.sql), ...present, after.sql];
  return {
    sql: `SELECT path, body, version, created_at, updated_at${orderBy.map(({ field }) => `, ${expression(field)}`).join("")}
      FROM documents WHERE ${where.join(" AND ")}
      ORDER BY ${[...orders, `path ${tieDirection(orderBy)}`].join(", ")} LIMIT ?`,
    values: [query.collection, ...filters.flatMap((part) => part.values), ...after.values, query.limit + 1],
  };
}

// The planner uses a partial index only when its condition stands in the query as the same literal text.
function inPattern(declared: DeclaredQuery): string {
  return `collection GLOB '${declared.collection}'`;
}

function tieDirection(orderBy: readonly Order[]): Order["direction"] {
  return orderBy.at(-1)?.direction ?? "asc";
}

function jsonPath(field: string): string {
  return `'$.${field
    .split(".")
    .map((name) => `"${name}"`)
    .join(".")}'`;
}

// Field names reach SQL only after they matched a declaration, whose pattern admits letters, digits and dots.
function expression(field: string): string {
  return storeColumns.get(field) ?? `(body ->> ${jsonPath(field)})`;
}

function jsonType(field: string): string {
  return `json_type(body, ${jsonPath(field)})`;
}

function condition({ field, is, value }: Filter): Statement {
  const operator = is === "==" ? "IS" : is;
  const compare = { sql: `${expression(field)} ${operator} ?`, values: [sqlValue(value)] };
  if (storeColumns.has(field)) return compare;
  return { sql: `${compare.sql} AND ${jsonType(field)} IN (${jsonTypes(value)})`, values: compare.values };
}

function jsonTypes(value: Filter["value"]): string {
  if (value === null) return "'null'";
  if (typeof value === "string") return "'text'";
  return typeof value === "number" ? "'integer', 'real'" : "'true', 'false'";
}

function sqlValue(value: Filter["value"]): SqlValue {
  return typeof value === "boolean" ? Number(value) : value;
}

/** (a, b, path) after the cursor: a further, or a equal and b further, or both equal and the path further. */
function afterCursor(query: Query, orderBy: readonly Order[]): Statement {
  const position = decodeCursor(query);
  if (position === undefined) return { sql: "TRUE", values: [] };
  const columns = orderBy.map(({ field, direction }, index) => ({
    sql: expression(field),
    direction,
    value: sqlValue(position.values[index] ?? null),
  }));
  columns.push({ sql: "path", direction: tieDirection(orderBy), value: position.path });
  const alternatives = columns.map((column, index) => {
    const equal = columns.slice(0, index).map(({ sql, value }) => ({ sql: `${sql} IS ?`, values: [value] }));
    return allOf([...equal, further(column)]);
  });
  return {
    sql: `(${alternatives.map((part) => part.sql).join(" OR ")})`,
    values: alternatives.flatMap((part) => part.values),
  };
}

function allOf(parts: readonly Statement[]): Statement {
  return { sql: `(${parts.map((part) => part.sql).join(" AND ")})`, values: parts.flatMap((part) => part.values) };
}

/** Null comes before every value, as in Firestore and in SQLite's own order. */
function further(column: { sql: string; direction: Order["direction"]; value: SqlValue }): Statement {
  const { sql, direction, value } = column;
  if (direction === "asc")
    return value === null ? { sql: `${sql} IS NOT NULL`, values: [] } : { sql: `${sql} > ?`, values: [value] };
  if (value === null) return { sql: "FALSE", values: [] };
  return { sql: `(${sql} < ? OR ${sql} IS NULL)`, values: [value] };
}

/** The order values of a row as the statement selected them, behind its five columns. */
export function orderValues(row: readonly unknown[], fields: readonly string[]): CursorValue[] {
  return fields.map((field, index) => {
    const value = row[5 + index] ?? null;
    if (value === null || typeof value === "string" || typeof value === "number") return value;
    throw new AppError("QUERY_INVALID", `${field} holds a value that cannot be ordered by.`);
  });
}
