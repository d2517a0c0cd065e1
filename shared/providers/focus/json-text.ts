import pl, { type DataFrame, type Expr } from "nodejs-polars";

/** A text column as a member of a JSON object. */
export interface Member {
  key: string;
  /** Name in the frame. */
  column: string;
  /** Known to hold nothing that JSON escapes: numbers, times. */
  isPlain: boolean;
}

/** A member with what its column holds in one frame. */
export interface MemberTexts extends Member {
  /** The one value of a column that has no other and no nulls. */
  only: string | undefined;
  /** The texts as JSON writes them, without quotes. */
  escaped: Expr;
}

/** What JSON writes in another way. */
const special = '["\\\\\\x00-\\x1f]';

/**
 * Looks at the members of a frame; those without any value are left out. Columns with one value throughout are told
 * apart, and only columns that hold such characters are escaped: files have dozens of columns and most cells are plain.
 */
export async function memberTexts(frame: DataFrame, members: readonly Member[]): Promise<MemberTexts[]> {
  const facts = await valuesOf(frame, members, ({ column }) => [
    pl.col(column).nullCount(),
    pl.col(column).first(),
    pl.col(column).notEquals(pl.col(column).first()).sum(),
  ]);
  const present = members.flatMap((member, at): MemberTexts[] => {
    const [nulls, first, others] = facts[at] ?? [];
    if (Number(nulls) === frame.height) return [];
    const isConstant = Number(nulls) === 0 && Number(others ?? 0) === 0 && typeof first === "string";
    return [{ ...member, only: isConstant ? first : undefined, escaped: pl.col(member.column) }];
  });
  const doubtful = present.filter(({ only, isPlain }) => only === undefined && !isPlain);
  const found = await valuesOf(frame, doubtful, ({ column }) => [pl.col(column).str.contains(special).sum()]);
  const escapable = doubtful.filter((_, at) => Number(found[at]?.[0] ?? 0) > 0);
  const texts = await valuesOf(frame, escapable, ({ column }) => [pl.col(column).unique().implode()]);
  escapable.forEach((member, at) => {
    member.escaped = escapedOf(member.column, texts[at]?.[0] as unknown[]);
  });
  return present;
}

function escapedOf(column: string, values: readonly unknown[]): Expr {
  const texts = values.filter((value) => typeof value === "string");
  const escaped = texts.map((text) => JSON.stringify(text).slice(1, -1));
  return pl.col(column).replaceStrict(texts, escaped, pl.lit(null), pl.Utf8);
}

/** Some values per member, all asked in one pass over the frame. */
async function valuesOf(
  frame: DataFrame,
  members: readonly Member[],
  ask: (member: Member) => Expr[],
): Promise<unknown[][]> {
  if (members.length === 0) return [];
  const asked = members.map(ask);
  const all = asked.flat().map((value, at) => value.alias(String(at)));
  const values = (await frame.lazy().select(...all).collect()).row(0);
  let at = 0;
  return asked.map(({ length }) => {
    at += length;
    return values.slice(at - length, at);
  });
}

/**
 * The members as one JSON object per row: all values texts, keys in order of code units, nulls left out. Null where no
 * member has a value.
 */
export function jsonTexts(members: readonly MemberTexts[]): Expr {
  const ordered = [...members].sort((one, other) => (one.key < other.key ? -1 : 1));
  const pieces: Expr[] = [];
  let constant: string[] = [];
  for (const { key, only, escaped } of ordered) {
    const head = `${JSON.stringify(key)}:`;
    if (only !== undefined) {
      constant.push(`${head}${JSON.stringify(only)}`);
      continue;
    }
    if (constant.length > 0) pieces.push(pl.lit(constant.join(",")));
    constant = [];
    pieces.push(pl.concatString([pl.lit(`${head}"`), escaped, pl.lit('"')], ""));
  }
  if (constant.length > 0) pieces.push(pl.lit(constant.join(",")));
  if (pieces.length === 0) return pl.lit(null).cast(pl.Utf8);
  const object = pl.concatString([pl.lit("{"), pl.concatString(pieces, ",", true), pl.lit("}")], "");
  return pl.when(object.eq(pl.lit("{}"))).then(pl.lit(null)).otherwise(object);
}
