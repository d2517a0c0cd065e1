import pl, { type DataFrame, type Expr } from "nodejs-polars";

/** A text column as a member of a JSON object. */
export interface Member {
  key: string;
  /** Name in the frame. */
  column: string;
  /** Known to hold nothing that JSON escapes: numbers, times. */
  isPlain: boolean;
}

/** A member with its piece of an object: `"key":"text"`, null where the text is. */
interface Prepared extends Member {
  head: string;
  piece: Expr;
}

/** One JSON object per row of a frame, of all members and of those that `isWanted`; null where none has a value. */
export type JsonWriter = (frame: DataFrame) => Promise<{ all: Expr; wanted: Expr }>;

/** What JSON writes in another way. */
const special = '["\\\\\\x00-\\x1f]';

/**
 * Makes what writes the members as JSON: all values texts, keys in order of code units, nulls left out. Columns with one
 * value throughout are written once, and only columns that hold such characters are escaped: files have dozens of
 * columns and most cells are plain.
 */
export function jsonWriter(members: readonly Member[], isWanted: (member: Member) => boolean): JsonWriter {
  const quote = pl.lit('"');
  const prepared = [...members]
    .sort((one, other) => (one.key < other.key ? -1 : 1))
    .map((member): Prepared => {
      const head = `${JSON.stringify(member.key)}:`;
      return { ...member, head, piece: pl.concatString([pl.lit(`${head}"`), pl.col(member.column), quote], "") };
    });
  return async (frame) => {
    const present = await presentMembers(frame, prepared);
    const varying = present.filter(({ only }) => only === undefined).map(({ member }) => member);
    const escaped = await escapedPieces(frame, varying, quote);
    const pieceOf = ({ member, only }: Present): Expr | string =>
      only === undefined ? (escaped.get(member) ?? member.piece) : `${member.head}${JSON.stringify(only)}`;
    const wanted = present.filter(({ member }) => isWanted(member));
    return { all: objectOf(present.map(pieceOf)), wanted: objectOf(wanted.map(pieceOf)) };
  };
}

interface Present {
  member: Prepared;
  /** The one value of a column that has no other and no nulls. */
  only: string | undefined;
}

async function presentMembers(frame: DataFrame, members: readonly Prepared[]): Promise<Present[]> {
  const names = members.map(({ column }) => column);
  const own = frame.select(...names);
  const nulls = own.nullCount().row(0);
  const first = own.row(0);
  const all = pl.col(names);
  const others = (await own.lazy().select(all.notEquals(all.first()).sum()).collect()).row(0);
  return members.flatMap((member, at) => {
    if (Number(nulls[at]) === frame.height) return [];
    const isConstant = Number(nulls[at]) === 0 && Number(others[at] ?? 0) === 0;
    return [{ member, only: isConstant ? String(first[at]) : undefined }];
  });
}

async function escapedPieces(
  frame: DataFrame,
  members: readonly Prepared[],
  quote: Expr,
): Promise<Map<Prepared, Expr>> {
  const doubtful = members.filter(({ isPlain }) => !isPlain);
  const found = await valuesOf(frame, doubtful, (columns) => columns.str.contains(special).sum());
  const escapable = doubtful.filter((_, at) => Number(found[at] ?? 0) > 0);
  const distinct = await valuesOf(frame, escapable, (columns) => columns.unique().implode());
  return new Map(
    escapable.map((member, at) => {
      const texts = (distinct[at] as unknown[]).filter((value) => typeof value === "string");
      const escaped = texts.map((text) => JSON.stringify(text).slice(1, -1));
      const text = pl.col(member.column).replaceStrict(texts, escaped, pl.lit(null), pl.Utf8);
      return [member, pl.concatString([pl.lit(`${member.head}"`), text, quote], "")];
    }),
  );
}

/** One value per member, asked for all at once with one expression: making one costs a millisecond. */
async function valuesOf(
  frame: DataFrame,
  members: readonly Prepared[],
  ask: (columns: Expr) => Expr,
): Promise<unknown[]> {
  if (members.length === 0) return [];
  const columns = pl.col(members.map(({ column }) => column));
  return (await frame.lazy().select(ask(columns)).collect()).row(0);
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
