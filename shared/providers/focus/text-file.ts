import pl, { type DataFrame } from "nodejs-polars";
import { type CsvText, csvText } from "./csv-text.ts";
import type { DeliveredBytes } from "./delivered-bytes.ts";
import { fileForm } from "./file-form.ts";
import { fileLimits } from "./limits.ts";
import { parquetText } from "./parquet-text.ts";
import { excerpt, fileRefused } from "./refusal.ts";
import { overflowName, textName } from "./text-names.ts";

/** A delivered file as text, whatever form it came in. */
export interface TextFile {
  /** The header as delivered. */
  header: readonly string[];
  /** Frames of whole records, all columns Utf8 and called `textName(place)`; no text and `NULL` are null. */
  frames: AsyncIterable<DataFrame>;
  /** True when the frames have the column `overflowName`. */
  hasOverflow: boolean;
  /** To be called when nothing more is read, also where the frames never were: removes what lies in the temporary folder. */
  release(): Promise<void>;
}

/** Opens the file. Throws `IMPORT_REJECTED`, here or while the frames are read, for what cannot be read. */
export async function textFile(content: DeliveredBytes): Promise<TextFile> {
  const { size } = content;
  const others = content.blocks[Symbol.asyncIterator]();
  const { value: first } = await others.next();
  const form = fileForm(first ?? Buffer.alloc(0));
  if (size > fileLimits.bytes) throw fileRefused("The file is larger than 512 MiB.", { rule: "size_limit" });
  const bytes = { size, blocks: begunWith(first, others) };
  if (form === "parquet") return parquetText(bytes);
  const csv = await csvText(bytes, form);
  return { header: csv.header, frames: csvFrames(csv), hasOverflow: true, release: async () => {} };
}

async function* begunWith(first: Buffer, others: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await others.next(); next.done !== true; next = await others.next()) yield next.value;
}

async function* csvFrames({ header, separator, pieces }: CsvText): AsyncGenerator<DataFrame> {
  const names = header.map((_, place) => textName(place));
  // A record with too many fields would lose them silently: the first of them falls into one more column.
  const schema = Object.fromEntries([...names, overflowName].map((name) => [name, pl.Utf8]));
  for await (const piece of pieces) {
    const frame = withoutBlankLines(readPiece(piece, separator, schema), names);
    if (frame.height > 0) yield frame;
  }
}

function readPiece(piece: Buffer, separator: string, schema: Record<string, typeof pl.Utf8>): DataFrame {
  try {
    return pl.readCSV(piece, {
      hasHeader: false,
      schema,
      sep: separator,
      quoteChar: '"',
      nullValues: ["", "NULL"],
      missingIsNull: true,
      rechunk: false,
    });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw fileRefused("A record is not CSV: a double quote stands where none may stand.", {
      rule: "csv",
      value_excerpt: excerpt(/`([^`]*)`/.exec(text)?.[1] ?? ""),
    });
  }
}

function withoutBlankLines(frame: DataFrame, names: readonly string[]): DataFrame {
  const nulls = frame.nullCount().row(0);
  if (nulls.slice(0, names.length).some((count) => Number(count) === 0)) return frame;
  return frame.filter(pl.anyHorizontal(names.map((name) => pl.col(name).isNotNull())));
}
