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

/** A member with the expressions that are asked of every frame. */
interface Prepared extends Member {
  head: string;
  facts: Expr[];
  specials: Expr;
  distinct: Expr;
  /** `"key":"text"`, null where the text is. */
  piece: Expr;
}

/**
 * Makes what writes the members of a frame as one JSON object per row: all values texts, keys in order of code units,
 * nulls left out; null where no member has a value. Columns with one value throughout are written once, and only columns
 * that hold such characters are escaped: files have dozens of columns and most cells are plain.
 */
export function jsonWriter(members: readonly Member[]): (frame: DataFrame) => Promise<Expr> {
  const prepared = [...members].sort((one, other) => (one.key < other.key ? -1 : 1)).map(prepare);
  return async (frame) => {
    const facts = await valuesOf(frame, prepared, ({ facts: asked }) => asked);
    const present = prepared.flatMap((member, at) => {
      const [nulls, first, others] = facts[at] ?? [];
      if (Number(nulls) === frame.height) return [];
      const isConstant = Number(nulls) === 0 && Number(others ?? 0) === 0;
      return [{ member, only: isConstant ? String(first) : undefined }];
    });
    const varying = present.filter(({ only }) => only === undefined).map(({ member }) => member);
    const escaped = await escapedPieces(frame, varying);
    return objectOf(
      present.map(({ member, only }) =>
        only === undefined ? (escaped.get(member) ?? member.piece) : `${member.head}${JSON.stringify(only)}`,
      ),
    );
  };
}

function prepare(member: Member): Prepared {
  const column = pl.col(member.column);
  const head = `${JSON.stringify(member.key)}:`;
  return {
    ...member,
    head,
    facts: [
      column.nullCount().alias(`${member.column} nulls`),
      column.first().alias(`${member.column} first`),
      column.notEquals(column.first()).sum().alias(`${member.column} others`),
    ],
    specials: column.str.contains(special).sum(),
    distinct: column.unique().implode(),
    piece: pieceOf(head, column),
  };
}

function pieceOf(head: string, text: Expr): Expr {
  return pl.concatString([pl.lit(`${head}"`), text, pl.lit('"')], "");
}

async function escapedPieces(frame: DataFrame, members: readonly Prepared[]): Promise<Map<Prepared, Expr>> {
  const doubtful = members.filter(({ isPlain }) => !isPlain);
  const found = await valuesOf(frame, doubtful, ({ specials }) => [specials]);
  const escapable = doubtful.filter((_, at) => Number(found[at]?.[0] ?? 0) > 0);
  const texts = await valuesOf(frame, escapable, ({ distinct }) => [distinct]);
  return new Map(
    escapable.map((member, at) => {
      const values = ((texts[at]?.[0] ?? []) as unknown[]).filter((value) => typeof value === "string");
      const escaped = values.map((text) => JSON.stringify(text).slice(1, -1));
      return [
        member,
        pieceOf(member.head, pl.col(member.column).replaceStrict(values, escaped, pl.lit(null), pl.Utf8)),
      ];
    }),
  );
}

/** Some values per member, all asked in one pass over the frame. */
async function valuesOf(
  frame: DataFrame,
  members: readonly Prepared[],
  ask: (member: Prepared) => Expr[],
): Promise<unknown[][]> {
  const asked = members.map(ask);
  const all = asked.flat();
  if (all.length === 0) return [];
  const values = (
    await frame
      .lazy()
      .select(...all)
      .collect()
  ).row(0);
  let at = 0;
  return asked.map(({ length }) => {
    at += length;
    return values.slice(at - length, at);
  });
}

function objectOf(pieces: readonly (Expr | string)[]): Expr {
  const joined: Expr[] = [];
  let constants: string[] = [];
  const flush = (): void => {
    if (constants.length > 0) joined.push(pl.lit(constants.join(",")));
    constants = [];
  };
  for (const piece of pieces) {
    if (typeof piece === "string") constants.push(piece);
    else {
      flush();
      joined.push(piece);
    }
  }
  flush();
  if (joined.length === 0) return pl.lit(null).cast(pl.Utf8);
  const object = pl.concatString([pl.lit("{"), pl.concatString(joined, ",", true), pl.lit("}")], "");
  return pl
    .when(object.eq(pl.lit("{}")))
    .then(pl.lit(null))
    .otherwise(object);
}
