import { AppError } from "#shared/runtime/errors.ts";
import { collectionOf } from "./document-rules.ts";
import type { Query } from "./documents.ts";

export type CursorValue = string | number | boolean | null;

/** Where a page ended: the order values of its last document and its path, which breaks ties. */
export interface Position {
  values: readonly CursorValue[];
  path: string;
}

export function encodeCursor({ values, path }: Position): string {
  return Buffer.from(JSON.stringify([...values, path])).toString("base64url");
}

/**
 * The position a cursor names, undefined without one. Cursors come back from outside: one that does not fit the query,
 * or names a document of another collection, is refused with `CURSOR_INVALID`.
 */
export function decodeCursor(query: Query): Position | undefined {
  if (query.cursor === undefined) return undefined;
  const values = parse(query.cursor);
  const path = values.pop();
  const fits = values.length === (query.orderBy ?? []).length && values.every(isCursorValue);
  if (!fits || typeof path !== "string" || collectionOf(path) !== query.collection) throw invalidCursor();
  return { values, path };
}

/** An order value as a cursor keeps it; nothing but scalars can be ordered by in both stores. */
export function cursorValue(value: unknown, field: string): CursorValue {
  if (isCursorValue(value)) return value;
  throw new AppError("QUERY_INVALID", `${field} holds a value that cannot be ordered by.`);
}

function parse(cursor: string): unknown[] {
  try {
    const content: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    if (Array.isArray(content)) return content;
  } catch {
    throw invalidCursor();
  }
  throw invalidCursor();
}

function invalidCursor(): AppError {
  return new AppError("CURSOR_INVALID", "The cursor does not belong to this list.");
}

function isCursorValue(value: unknown): value is CursorValue {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}
