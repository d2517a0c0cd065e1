import pl, { type DataFrame, type Expr } from "nodejs-polars";
import { instantOf } from "./instant.ts";
import { jsonObjectOf } from "./json-object.ts";

/** Reads texts of one kind, each once: charge periods and tags repeat from row to row. */
export interface DistinctValues {
  /** Reads columns as instants (Datetime UTC) or as canonical JSON objects (Utf8); null where a text is none. */
  columns(text: DataFrame, asked: readonly { name: string; type: "TIMESTAMP" | "JSON" }[]): Promise<Expr[]>;
}

type Read<T> = (text: string) => T | undefined;

/** What is remembered from frame to frame at most, so that memory does not grow with the file. */
const mostRemembered = 50_000;

export function distinctValues(): DistinctValues {
  const instants = remembered(instantOf);
  const objects = remembered(jsonObjectOf);
  return {
    async columns(text, asked) {
      if (asked.length === 0) return [];
      const distinct = asked.map(({ name }) => pl.col(name).unique().implode());
      const values = (await text.lazy().select(...distinct).collect()).row(0) as unknown[][];
      return asked.map(({ name, type }, at) =>
        type === "JSON"
          ? mapped(name, values[at] ?? [], objects, pl.Utf8)
          : mapped(name, values[at] ?? [], instants, pl.Int64).cast(pl.Datetime("us", "UTC")),
      );
    },
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

function mapped<T extends string | number>(
  name: string,
  texts: readonly unknown[],
  read: Read<T>,
  type: typeof pl.Utf8 | typeof pl.Int64,
): Expr {
  const old: string[] = [];
  const values: T[] = [];
  for (const text of texts) {
    const value = typeof text === "string" ? read(text) : undefined;
    if (value === undefined) continue;
    old.push(text as string);
    values.push(value);
  }
  if (old.length === 0) return pl.lit(null).cast(type);
  return pl.col(name).replaceStrict(old, values, pl.lit(null), type);
}
