import { hash } from "node:crypto";
import pl, { type DataFrame } from "nodejs-polars";

/** Table of the records as they were delivered; the first part of every row id made of them. */
export const rawTableName = "focus_import_daily_raw";

/** Columns `x_source_record_id` and `x_row_id`. */
const idColumns = { x_source_record_id: pl.Utf8, x_row_id: pl.Utf8 };

/** Texts are turned to bytes while they are young: strings of a whole frame would be moved about by the collector. */
const rowsAtOnce = 128;
/** Others get a turn after some 15 ms; a multiple of the rows at once. */
const rowsInTurn = 10_240;

/**
 * The identities of consecutive records: `x_source_record_id` is `i1` of file hash and row number, `x_row_id` is `f1` of
 * table, record id, charge category and no part. The same as `taggedRowId` gives, which is made for few rows: here the
 * parts are plain text of known length, and a file has millions. Sources: `tables.md` 1, 3 and 4.
 */
export async function rowIds(sha256: string, firstRow: number, categories: readonly unknown[]): Promise<DataFrame> {
  const ofFile = `i1|${sized(sha256)}`;
  const ofTable = `f1|${sized(rawTableName)}32:`;
  const pieces: Buffer[] = [];
  const ends = new Map<unknown, string>();
  let lines = "";
  for (let at = 0; at < categories.length; at++) {
    const category = categories[at];
    const end = ends.get(category) ?? `${sized(String(category))}~`;
    ends.set(category, end);
    const record = shortHash(ofFile + sized(String(firstRow + at)));
    lines += `${record},${shortHash(ofTable + record + end)}\n`;
    if ((at + 1) % rowsAtOnce !== 0) continue;
    pieces.push(Buffer.from(lines, "latin1"));
    lines = "";
    if ((at + 1) % rowsInTurn === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  pieces.push(Buffer.from(lines, "latin1"));
  return pl.readCSV(Buffer.concat(pieces), { hasHeader: false, schema: idColumns, rechunk: false });
}

function sized(text: string): string {
  return `${text.length}:${text}`;
}

function shortHash(text: string): string {
  return hash("sha256", text, "hex").slice(0, 32);
}
