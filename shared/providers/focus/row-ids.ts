import { hash } from "node:crypto";

/** Table of the records as they were delivered; the first part of every row id made of them. */
export const rawTableName = "focus_import_daily_raw";

export interface RowIds {
  /** `i1`: file hash, row number. */
  records: string[];
  /** `f1`: table, record id, charge category, no part. */
  rows: string[];
}

/**
 * The identities of consecutive records. The same as `taggedRowId` gives, which is made for few rows: here the parts are
 * plain text of known length, and a file has millions. Sources: `tables.md` 1, 3 and 4.
 */
export function rowIds(sha256: string, firstRow: number, categories: readonly unknown[]): RowIds {
  const ofFile = `i1|${sized(sha256)}`;
  const ofTable = `f1|${sized(rawTableName)}`;
  const records: string[] = new Array(categories.length);
  const rows: string[] = new Array(categories.length);
  for (let at = 0; at < categories.length; at++) {
    const record = shortHash(`${ofFile}${sized(String(firstRow + at))}`);
    records[at] = record;
    rows[at] = shortHash(`${ofTable}32:${record}${sized(String(categories[at]))}~`);
  }
  return { records, rows };
}

function sized(text: string): string {
  return `${text.length}:${text}`;
}

function shortHash(text: string): string {
  return hash("sha256", text, "hex").slice(0, 32);
}
