import pl, { type DataFrame, type Expr } from "nodejs-polars";
import { instantOf } from "./instant.ts";
import { jsonObjectOf } from "./json-object.ts";

export type ReadKind = "instant" | "object";

/** A text column that is read: instants become Datetime UTC, objects canonical JSON; null where a text is none. */
export interface ReadColumn {
  from: string;
  to: string;
  kind: ReadKind;
}

/** What is remembered of a column at most, in texts and in their characters, so that memory does not grow with the file. */
const mostRemembered = 5_000;
const mostCharacters = 4 * 1024 * 1024;

/** Reads every different text once: charge periods and tags repeat from row to row. Answers one expression per column. */
export function distinctReader(asked: readonly ReadColumn[]): (text: DataFrame) => Promise<Expr[]> {
  const distinct = asked.map(({ from }) => pl.col(from).unique().implode());
  const columns = asked.map((column) => (column.kind === "instant" ? instants(column) : objects(column)));
  return async (text) => {
    if (asked.length === 0) return [];
    const found = await text
      .lazy()
      .select(...distinct)
      .collect();
    const values = found.row(0) as unknown[][];
    return columns.map((column, at) => column(values[at] ?? []));
  };
}

type Reading = (texts: readonly unknown[]) => Expr;

function instants({ from, to }: ReadColumn): Reading {
  return remembering(instantOf, (texts, values) => {
    const read = texts.length === 0 ? pl.lit(null).cast(pl.Int64) : replaced(from, texts, values, pl.Int64);
    return read.cast(pl.Datetime("us", "UTC")).alias(to);
  });
}

function objects({ from, to }: ReadColumn): Reading {
  return remembering(jsonObjectOf, (texts, values) =>
    (texts.length === 0 ? pl.lit(null).cast(pl.Utf8) : replaced(from, texts, values, pl.Utf8)).alias(to),
  );
}

function replaced(from: string, texts: string[], values: (string | number)[], type: typeof pl.Int64 | typeof pl.Utf8) {
  // The types of the library know texts only; numbers are taken as well.
  return pl.col(from).replaceStrict(texts, values as string[], pl.lit(null), type);
}

/** One expression serves all frames whose texts are known; only a new text makes a new one. */
function remembering<T>(read: (text: string) => T | undefined, make: (texts: string[], values: T[]) => Expr): Reading {
  const known = new Map<string, T>();
  let characters = 0;
  let made: Expr | undefined;
  return (texts) => {
    if (known.size > mostRemembered || characters > mostCharacters) {
      known.clear();
      characters = 0;
      made = undefined;
    }
    for (const text of texts) {
      if (typeof text !== "string" || known.has(text)) continue;
      const value = read(text);
      if (value === undefined) continue;
      known.set(text, value);
      characters += text.length;
      made = undefined;
    }
    made ??= make([...known.keys()], [...known.values()]);
    return made;
  };
}
