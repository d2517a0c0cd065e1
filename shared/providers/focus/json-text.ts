import pl, { type DataFrame, type Expr } from "nodejs-polars";

/** A text column as a member of a JSON object. */
export interface Member {
  key: string;
  /** Name in the frame. */
  column: string;
  /** Known to hold nothing that JSON escapes: numbers, times. */
  isPlain: boolean;
}

/** What JSON writes in another way. */
const special = '["\\\\\\x00-\\x1f]';
const looksAt = 32;

/**
 * The members as one JSON object per row: all values texts, keys in order of code units, nulls left out. Null where no
 * member has a value. Columns with one value throughout are written once, and only columns that hold such characters
 * are escaped: files have dozens of columns and most of their cells are plain.
 */
export function jsonTexts(frame: DataFrame, members: readonly Member[]): Expr {
  const ordered = [...members].sort((one, other) => (one.key < other.key ? -1 : 1));
  const pieces: Expr[] = [];
  let constant = "";
  for (const member of ordered) {
    const column = frame.getColumn(member.column);
    if (column.nullCount() === frame.height) continue;
    const head = `${JSON.stringify(member.key)}:`;
    const only = onlyValue(frame, member.column);
    if (only !== undefined) {
      constant += `${constant === "" ? "" : ","}${head}${JSON.stringify(only)}`;
      continue;
    }
    if (constant !== "") pieces.push(pl.lit(constant));
    constant = "";
    pieces.push(pl.concatString([pl.lit(`${head}"`), escaped(frame, member), pl.lit('"')], ""));
  }
  if (constant !== "") pieces.push(pl.lit(constant));
  if (pieces.length === 0) return pl.lit(null).cast(pl.Utf8);
  const object = pl.concatString([pl.lit("{"), pl.concatString(pieces, ",", true), pl.lit("}")], "");
  return pl.when(object.eq(pl.lit("{}"))).then(pl.lit(null)).otherwise(object);
}

/** The one value of a column that has no other and no nulls. */
function onlyValue(frame: DataFrame, name: string): string | undefined {
  const column = frame.getColumn(name);
  if (column.nullCount() > 0) return undefined;
  const values = new Set(column.head(looksAt).toArray());
  const [value] = values;
  if (values.size !== 1 || typeof value !== "string") return undefined;
  const others = frame.select(pl.col(name).notEquals(pl.lit(value)).sum().alias("n")).getColumn("n").get(0);
  return Number(others) === 0 ? value : undefined;
}

function escaped(frame: DataFrame, { column, isPlain }: Member): Expr {
  if (isPlain) return pl.col(column);
  const found = frame.select(pl.col(column).str.contains(special).sum().alias("n")).getColumn("n").get(0);
  if (Number(found ?? 0) === 0) return pl.col(column);
  const texts = frame.getColumn(column).unique().toArray().filter((value) => typeof value === "string");
  return pl.col(column).replaceStrict(texts, texts.map((text) => JSON.stringify(text).slice(1, -1)), pl.lit(null), pl.Utf8);
}
