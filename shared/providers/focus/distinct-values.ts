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

type Read<T> = (text: string) => T | undefined;

/** What is remembered from frame to frame at most, so that memory does not grow with the file. */
const mostRemembered = 50_000;

/** Reads every different text once: charge periods and tags repeat from row to row. Answers one expression per column. */
export function distinctReader(asked: readonly ReadColumn[]): (text: DataFrame) => Promise<Expr[]> {
  const readers = { instant: remembered(instantOf), object: remembered(jsonObjectOf) };
  const distinct = asked.map(({ from }) => pl.col(from).unique().implode());
  const columns = asked.map(({ from }) => pl.col(from));
  return async (text) => {
    if (asked.length === 0) return [];
    const values = (
      await text
        .lazy()
        .select(...distinct)
        .collect()
    ).row(0) as unknown[][];
    return asked.map(({ to, kind }, at) =>
      mapped(columns[at] as Expr, values[at] ?? [], kind, readers[kind]).alias(to),
    );
  };
}

function remembered<T>(read: Read<T>): Read<T> {
  const known = new Map<string, T | undefined>();
  return (text) => {
    if (known.has(text)) return known.get(text);
    if (known.size >= mostRemembered) known.clear();
    const value = read(text);
    known.set(text, value);
    return value;
  };
}

function mapped(column: Expr, texts: readonly unknown[], kind: ReadKind, read: Read<string | number>): Expr {
  const old: string[] = [];
  const values: (string | number)[] = [];
  for (const text of texts) {
    const value = typeof text === "string" ? read(text) : undefined;
    if (value === undefined) continue;
    old.push(text as string);
    values.push(value);
  }
  const stored = kind === "object" ? pl.Utf8 : pl.Int64;
  const replaced =
    old.length === 0 ? pl.lit(null).cast(stored) : column.replaceStrict(old, values as string[], pl.lit(null), stored);
  return kind === "object" ? replaced : replaced.cast(pl.Datetime("us", "UTC"));
}
