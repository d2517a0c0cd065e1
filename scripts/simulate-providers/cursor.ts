import { hexId } from "./draw.ts";

/** Where a page starts. */
export interface Position {
  /** Unix seconds of its first bucket. */
  readonly start: number;
  /** Results of that bucket that an earlier page already gave. */
  readonly skip: number;
  /** Pages before this one, so that no cursor of a walk equals an earlier one. */
  readonly hop: number;
}

/** An opaque cursor, bound to the query that it continues. */
export function writeCursor({ start, skip, hop }: Position, query: string): string {
  return `page_${Buffer.from(`${start}.${skip}.${hop}.${checksum(query)}`).toString("base64url")}`;
}

/** Undefined for a cursor that was not given out for this query. */
export function readCursor(cursor: string, query: string): Position | undefined {
  const text = Buffer.from(cursor.replace(/^page_/, ""), "base64url").toString("latin1");
  const match = /^(\d{1,12})\.(\d{1,6})\.(\d{1,6})\.([0-9a-f]{12})$/.exec(text);
  if (match === null || !cursor.startsWith("page_") || match[4] !== checksum(query)) return undefined;
  return { start: Number(match[1]), skip: Number(match[2]), hop: Number(match[3]) };
}

function checksum(query: string): string {
  return hexId(12, "cursor", query);
}
