import { isUtf8 } from "node:buffer";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { blockBytes, type DeliveredBytes } from "./delivered-bytes.ts";
import { fileLimits } from "./limits.ts";
import { fieldsOf, firstRecordEnd, hasLineLongerThan, lastRecordEnd, quoteParity } from "./record-ends.ts";
import { excerpt, fileRefused } from "./refusal.ts";

/** A CSV file cut where records end. */
export interface CsvText {
  header: string[];
  separator: string;
  /** Whole records without the header, valid UTF-8, each piece of some megabytes. */
  pieces: AsyncIterable<Buffer>;
}

const separators = [",", ";", "\t", "|"];
const byteOrderMark = [0xef, 0xbb, 0xbf];

/** Opens delimited text. Throws `IMPORT_REJECTED` for what is no such text, here or while the pieces are read. */
export async function csvText(content: DeliveredBytes, form: "csv" | "gzip"): Promise<CsvText> {
  const pieces = wholeRecords(form === "gzip" ? inflated(content) : content.blocks);
  const first = await pieces.next();
  if (first.done === true) throw fileRefused("The file is empty.", { rule: "empty_file" });
  const start = byteOrderMark.every((byte, at) => first.value[at] === byte) ? byteOrderMark.length : 0;
  const piece = first.value.subarray(start);
  const end = firstRecordEnd(piece);
  const text = piece.toString("utf8", 0, end);
  const separator = separatorOf(text);
  const header = fieldsOf(text, separator);
  return {
    header,
    separator,
    pieces: checkedPieces(piece.subarray(end), pieces, { separator, fields: header.length }),
  };
}

async function* checkedPieces(
  first: Buffer,
  others: AsyncIterable<Buffer>,
  form: { separator: string; fields: number },
): AsyncGenerator<Buffer> {
  refuseCutOff(first, form);
  if (first.length > 0) yield first;
  for await (const piece of others) {
    refuseCutOff(piece, form);
    yield piece;
  }
}

/** Only the last record may be without line end: then it may be whole, or the place where an upload broke off. */
function refuseCutOff(last: Buffer, { separator, fields }: { separator: string; fields: number }): void {
  if (last.length === 0 || last.at(-1) === 0x0a) return;
  const record = last.toString("utf8", lastRecordEnd(last));
  const found = fieldsOf(record, separator).length;
  if (found < fields)
    throw fileRefused(`The file breaks off: its last record has ${found} of ${fields} fields.`, {
      rule: "cut_off",
      value_excerpt: excerpt(record),
    });
}

async function* wholeRecords(blocks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pending: Buffer[] = [];
  let size = 0;
  let offset = 0;
  const take = (whole: Buffer, end: number): Buffer => {
    const piece = whole.subarray(0, end);
    refuseUnreadable(piece, offset);
    offset += end;
    // A copy, so that the tail does not keep the whole piece alive.
    pending = [Buffer.from(whole.subarray(end))];
    size = whole.length - end;
    return piece;
  };
  for await (const block of blocks) {
    pending.push(block);
    size += block.length;
    if (size < blockBytes) continue;
    const whole = Buffer.concat(pending);
    const end = lastRecordEnd(whole);
    if (end === 0) throw lineTooLong();
    yield take(whole, end);
  }
  const rest = Buffer.concat(pending);
  if (rest.length === 0) return;
  if (quoteParity(rest) === 1)
    throw fileRefused("A field that opens with a double quote is never closed.", { rule: "csv" });
  yield take(rest, rest.length);
}

function refuseUnreadable(piece: Buffer, offset: number): void {
  if (!isUtf8(piece))
    throw fileRefused(`The file is not UTF-8: byte ${offset + firstInvalid(piece)} is wrong.`, { rule: "utf8" });
  if (hasLineLongerThan(piece, fileLimits.lineBytes)) throw lineTooLong();
}

function lineTooLong(): Error {
  return fileRefused("A line is longer than 1 MiB.", { rule: "line_limit" });
}

/** Halves its way to the first byte at which a decoder gives up. */
function firstInvalid(piece: Buffer): number {
  let valid = 0;
  let invalid = piece.length;
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >> 1;
    if (isBeginning(piece.subarray(0, middle))) valid = middle;
    else invalid = middle;
  }
  return isBeginning(piece.subarray(0, invalid)) ? piece.length : invalid - 1;
}

function isBeginning(bytes: Buffer): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function separatorOf(header: string): string {
  const counts = separators.map((separator) => fieldsOf(header, separator).length);
  return separators[counts.indexOf(Math.max(...counts))] ?? ",";
}

/** Inflates as it is read, so that a bomb costs what was inflated before it was recognised and no more. */
async function* inflated({ size, blocks }: DeliveredBytes): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: 262_144 });
  // Its failures, and those of the blocks, come out where the inflated bytes are read.
  pipeline(Readable.from(blocks), gunzip).catch(() => {});
  let total = 0;
  try {
    for await (const block of gunzip as AsyncIterable<Buffer>) {
      total += block.length;
      refuseLarger(total);
      if (total > fileLimits.inflationFromBytes && total > size * fileLimits.inflation)
        throw fileRefused("The file grows to more than 100 times its size.", { rule: "inflation_limit" });
      yield block;
    }
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || !String(error.code).startsWith("Z_")) throw error;
    throw fileRefused("The gzip data is damaged or cut off.", { rule: "gzip" });
  }
}

function refuseLarger(size: number): void {
  if (size > fileLimits.bytes) throw fileRefused("The file is larger than 512 MiB.", { rule: "size_limit" });
}
