import pl, { type DataFrame, type Expr } from "nodejs-polars";
import type { FocusColumn } from "./columns.ts";
import { instantOf } from "./instant.ts";
import { jsonObjectOf } from "./json-object.ts";

/** Reads texts of one kind, each once: charge periods and tags repeat from row to row. */
export interface DistinctValues {
  /** The column read as instants (Datetime UTC) or as canonical JSON objects (Utf8); null where it cannot be. */
  column(text: DataFrame, name: string, type: FocusColumn["type"]): Expr;
}

/** What is remembered from frame to frame at most, so that memory does not grow with the file. */
const mostRemembered = 50_000;

export function distinctValues(): DistinctValues {
  const instants = remembered(instantOf);
  const objects = remembered(jsonObjectOf);
  return {
    column(text, name, type) {
      if (type === "JSON") return mapped(text, name, objects, pl.Utf8);
      return mapped(text, name, instants, pl.Int64).cast(pl.Datetime("us", "UTC"));
    },
  };
}

type Read<T> = (text: string) => T | undefined;

function remembered<T>(read: Read<T>): Read<T> {
  const known = new Map<string, T | undefined>();
  return (text) => {
    if (!known.has(text)) {
      if (known.size >= mostRemembered) known.clear();
      known.set(text, read(text));
    }
    return known.get(text);
  };
}

function mapped<T extends string | number>(
  text: DataFrame,
  name: string,
  read: Read<T>,
  type: typeof pl.Utf8 | typeof pl.Int64,
): Expr {
  const old: string[] = [];
  const values: T[] = [];
  for (const each of text.getColumn(name).unique().toArray()) {
    const value = typeof each === "string" ? read(each) : undefined;
    if (value === undefined) continue;
    old.push(each);
    values.push(value);
  }
  if (old.length === 0) return pl.lit(null).cast(type);
  return pl.col(name).replaceStrict(old, values, pl.lit(null), type);
}
