import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pl, { type DataFrame, type Expr, type LazyDataFrame } from "nodejs-polars";
import { blockBytes, type DeliveredBytes } from "./delivered-bytes.ts";
import { fileLimits } from "./limits.ts";
import { excerpt, fileRefused } from "./refusal.ts";
import type { TextFile } from "./text-file.ts";
import { textName } from "./text-names.ts";

const rowsAtOnce = 10_000;

/** Opens a Parquet file: its values as the text a CSV would have. Lies in the temporary folder until it is released. */
export async function parquetText({ blocks }: DeliveredBytes): Promise<TextFile> {
  const folder = await mkdtemp(join(tmpdir(), "focus-"));
  const release = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, "file.parquet");
    await writeFile(path, blocks, { mode: 0o600 });
    const scan = pl.scanParquet(path, { glob: false });
    const shape = await readable(() => scan.limit(0).collect());
    const rows = Number((await readable(() => scan.select(pl.len().alias("n")).collect())).getColumn("n").get(0));
    if (rows > fileLimits.rows) throw fileRefused("The file has more than 10 million rows.", { rule: "rows_limit" });
    return { header: shape.columns, frames: parquetFrames(scan, shape, rows), hasOverflow: false, release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function* parquetFrames(scan: LazyDataFrame, shape: DataFrame, rows: number): AsyncGenerator<DataFrame> {
  const types = shape.columns.map((name) => String(shape.getColumn(name).dtype));
  const columns = shape.columns.map((name, place) => textOf(name, types[place] ?? "").alias(textName(place)));
  const nested = types.flatMap((type, place) => (isNested(type) ? textName(place) : []));
  for (let start = 0; start < rows; start += rowsAtOnce) {
    const frame = await readable(() =>
      scan
        .slice(start, rowsAtOnce)
        .select(...columns)
        .collect(),
    );
    yield* boundedFrames(nested.reduce(withJsonText, frame));
  }
}

/**
 * The same rows in frames of no more text than a CSV is cut into: a few bytes of Parquet may stand for any amount of it,
 * and so far each text is held once. Throws for a row that as a line of CSV would be too long.
 */
function* boundedFrames(frame: DataFrame): Generator<DataFrame> {
  const lengths = frame
    .select(pl.sumHorizontal(pl.all().str.lengths().cast(pl.Int64).fillNull(0)).alias("length"))
    .getColumn("length")
    .toArray();
  let start = 0;
  let size = 0;
  for (const [row, each] of lengths.entries()) {
    const length = Number(each);
    if (length > fileLimits.lineBytes) throw fileRefused("A row is longer than 1 MiB.", { rule: "line_limit" });
    if (size + length > blockBytes) {
      yield frame.slice(start, row - start);
      start = row;
      size = 0;
    }
    size += length;
  }
  yield start === 0 ? frame : frame.slice(start, frame.height - start);
}

function textOf(name: string, type: string): Expr {
  const column = pl.col(name);
  if (isNested(type)) return column;
  if (type.includes("Datetime"))
    return column
      .cast(pl.Datetime("us", type.includes(",") && !/undefined|null|None/.test(type) ? "UTC" : undefined))
      .date.strftime("%Y-%m-%dT%H:%M:%S%.6fZ");
  const text = column.cast(pl.Utf8);
  return pl
    .when(text.isIn(["", "NULL"]))
    .then(pl.lit(null))
    .otherwise(text);
}

function isNested(type: string): boolean {
  return type.includes("List") || type.includes("Struct");
}

/** Maps are delivered as lists of `{key, value}`; FOCUS means one JSON object. */
function withJsonText(frame: DataFrame, name: string): DataFrame {
  const texts = frame
    .getColumn(name)
    .toArray()
    .map((value) => (value === null || value === undefined ? null : JSON.stringify(objectOf(value))));
  return frame.withColumn(pl.Series(name, texts, pl.Utf8));
}

function objectOf(value: unknown): unknown {
  const isPairs = Array.isArray(value) && value.every((each) => isPair(each));
  return isPairs ? Object.fromEntries(value.map(({ key, value: its }) => [key, its])) : value;
}

function isPair(value: unknown): value is { key: string; value: unknown } {
  return typeof value === "object" && value !== null && "key" in value && "value" in value;
}

async function readable<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw fileRefused("The Parquet file cannot be read.", { rule: "parquet", value_excerpt: excerpt(text) });
  }
}
