import pl, { type DataFrame, type Expr } from "nodejs-polars";

/** A text column as a member of a JSON object. */
export interface Member {
  key: string;
  /** Name in the frame. */
  column: string;
  /** Known to hold nothing that JSON escapes: numbers, times. */
  isPlain: boolean;
}

/** One JSON object per row of a frame, of all members and of those that `isWanted`; null where none has a value. */
export type JsonWriter = (frame: DataFrame) => Promise<{ all: Expr; wanted: Expr }>;

/** What JSON writes in another way, and those of them that `\` and `"` alone do not cover. */
const special = '["\\\\\\x00-\\x1f]';
const control = "[\\x00-\\x1f]";

/** What all frames so far have in common. It changes a few times in a file, and only then are expressions made anew. */
interface Known extends Member {
  /** `sure`: there is a value in every row. */
  presence: "unseen" | "absent" | "sure" | "maybe";
  isEscaped: boolean;
}

/**
 * Makes what writes the members as JSON: all values texts, keys in order of code units, nulls left out. Frames of one
 * file are alike, and making an expression costs up to a millisecond: what was made for one frame serves the next.
 */
export function jsonWriter(members: readonly Member[], isWanted: (member: Member) => boolean): JsonWriter {
  const known = [...members]
    .sort((one, other) => (one.key < other.key ? -1 : 1))
    .map((member): Known => ({ ...member, presence: "unseen", isEscaped: false }));
  const doubtful = known.filter(({ isPlain }) => !isPlain);
  const specials = doubtful.length === 0 ? undefined : countOf(doubtful, special);
  const objects = (rewritten: ReadonlyMap<Known, Expr>): { all: Expr; wanted: Expr } => ({
    all: objectOf(known, rewritten),
    wanted: objectOf(known.filter(isWanted), rewritten),
  });
  let made: { all: Expr; wanted: Expr } | undefined;
  return async (frame) => {
    const hasNewPresence = notePresence(frame, known);
    const escapable = specials === undefined ? [] : await counted(frame, doubtful, specials);
    const hasNewEscape = escapable.some((member) => !member.isEscaped);
    for (const member of escapable) member.isEscaped = true;
    if (hasNewPresence || hasNewEscape) made = undefined;
    const rewritten = await withControls(frame, escapable);
    if (rewritten.size > 0) return objects(rewritten);
    made ??= objects(rewritten);
    return made;
  };
}

/** True when a column turned out to be other than in all frames before. */
function notePresence(frame: DataFrame, known: readonly Known[]): boolean {
  const nulls = frame
    .select(...known.map(({ column }) => column))
    .nullCount()
    .row(0);
  let hasChanged = false;
  for (const [at, member] of known.entries()) {
    const count = Number(nulls[at]);
    const found = count === 0 ? "sure" : count === frame.height ? "absent" : "maybe";
    if (member.presence === found || member.presence === "maybe") continue;
    member.presence = member.presence === "unseen" ? found : "maybe";
    hasChanged = true;
  }
  return hasChanged;
}

/** Rows that have the pattern, by column: one expression for all columns. */
function countOf(members: readonly Known[], pattern: string): Expr {
  return pl
    .col(members.map(({ column }) => column))
    .str.contains(pattern)
    .sum();
}

async function counted(frame: DataFrame, members: readonly Known[], count: Expr): Promise<Known[]> {
  const found = (await frame.lazy().select(count).collect()).row(0);
  return members.filter((_, at) => Number(found[at] ?? 0) > 0);
}

/** Control characters are rare and there are 32 of them: each different text that may hold one is written by itself. */
async function withControls(frame: DataFrame, escapable: readonly Known[]): Promise<Map<Known, Expr>> {
  const rewritten = new Map<Known, Expr>();
  if (escapable.length === 0) return rewritten;
  for (const member of await counted(frame, escapable, countOf(escapable, control))) {
    const distinct = frame.getColumn(member.column).unique().toArray();
    const texts = distinct.filter((value) => typeof value === "string");
    const escaped = texts.map((text) => JSON.stringify(text).slice(1, -1));
    rewritten.set(member, pl.col(member.column).replaceStrict(texts, escaped, pl.lit(null), pl.Utf8));
  }
  return rewritten;
}

function objectOf(members: readonly Known[], rewritten: ReadonlyMap<Known, Expr>): Expr {
  const present = members.filter(({ presence }) => presence !== "absent");
  if (present.length === 0) return pl.lit(null).cast(pl.Utf8);
  const pieceOf = (member: Known): Expr => rewritten.get(member) ?? textOf(member);
  const sure = present.findIndex(({ presence }) => presence === "sure");
  return sure < 0 ? maybeEmpty(present, pieceOf) : joined(present, sure, pieceOf);
}

function textOf({ column, isEscaped }: Known): Expr {
  const text = pl.col(column);
  return isEscaped ? text.str.replaceAll("\\", "\\\\", true).str.replaceAll('"', '\\"', true) : text;
}

/** In one pass: members before one that is in every row bring the comma behind them, members after it the one before. */
function joined(members: readonly Known[], sure: number, pieceOf: (member: Known) => Expr): Expr {
  const parts: Expr[] = [];
  let text = "{";
  const add = (value: Expr): void => {
    parts.push(pl.lit(text), value);
    text = "";
  };
  for (const [at, member] of members.entries()) {
    const head = `${at > sure ? "," : ""}${JSON.stringify(member.key)}:"`;
    const tail = at < sure ? '",' : '"';
    if (member.presence === "sure") {
      text += head;
      add(pieceOf(member));
      text = tail;
    } else {
      const piece = pl.concatString([pl.lit(head), pieceOf(member), pl.lit(tail)], "", false);
      if (text === "") parts.push(piece.fillNull(pl.lit("")));
      else add(piece.fillNull(pl.lit("")));
    }
  }
  return pl.concatString([...parts, pl.lit(`${text}}`)], "");
}

function maybeEmpty(members: readonly Known[], pieceOf: (member: Known) => Expr): Expr {
  const pieces = members.map((member) =>
    pl.concatString([pl.lit(`${JSON.stringify(member.key)}:"`), pieceOf(member), pl.lit('"')], "", false),
  );
  const object = pl.concatString([pl.lit("{"), pl.concatString(pieces, ",", true), pl.lit("}")], "");
  return pl
    .when(object.eq(pl.lit("{}")))
    .then(pl.lit(null))
    .otherwise(object);
}
