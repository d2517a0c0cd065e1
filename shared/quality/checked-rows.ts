import type { DataFrame, Expr } from "nodejs-polars";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import { madeOnce } from "./made-once.ts";

/** What polars is called here; imported when the first frame is needed, because loading it is slow. */
export type Polars = typeof import("nodejs-polars")["default"];

/** Rows that are to be published, as the warehouse gives them back, cut into what is judged by itself. */
export interface CheckedRows {
  pl: Polars;
  table: TableDefinition;
  /** Has the columns that the expectations of the table need and, where it has rows, `groupColumn`. */
  frame: DataFrame;
  /** Every group that is judged, also those without rows. */
  groups: readonly Group[];
}

/** One day of one source, or the whole run. */
export interface Group {
  /** The value of `groupColumn`: the UTC day, or `run`. */
  name: string;
  days: readonly CheckedDay[];
}

export interface CheckedDay {
  source: string;
  day: string;
  isEmpty: boolean;
}

/** What a check found in one group. */
export interface Verdict {
  group: string;
  observed: string;
  bound: string;
  offending: string[];
  /** Too little was known to hold the day: the failure is a warning, whatever the expectation says. */
  isMild?: boolean;
  ratio?: string;
}

export const groupColumn = "__group";
export const wholeRun = "run";
const shown = 5;

/** Groups that have rows for which the expression holds: how many, and the keys of the first five. */
export async function offendingRows({ pl, frame, table }: CheckedRows, isBad: Expr, bound: string): Promise<Verdict[]> {
  const present = new Set(frame.columns);
  const key = table.key.filter((name) => present.has(name));
  const bad = await frame
    .lazy()
    .filter(isBad)
    .select(columnOf(pl, groupColumn), ...key.map((name) => textOf(pl, name)))
    .collect();
  if (bad.height === 0) return [];
  const byGroup = new Map<string, { count: number; keys: string[] }>();
  for (const [group, ...values] of bad.rows() as unknown[][]) {
    const known = byGroup.get(String(group)) ?? { count: 0, keys: [] };
    byGroup.set(String(group), known);
    known.count += 1;
    if (known.keys.length < shown) known.keys.push(keyText(values));
  }
  return [...byGroup].map(([group, { count, keys }]) => ({
    group,
    observed: `${count} row${count === 1 ? "" : "s"}`,
    bound,
    offending: keys,
  }));
}

export function columnOf(pl: Polars, name: string): Expr {
  return madeOnce(["column", name], () => pl.col(name));
}

function textOf(pl: Polars, name: string): Expr {
  return madeOnce(["text", name], () => pl.col(name).cast(pl.Utf8));
}

export function firstOf(keys: readonly string[]): string[] {
  return keys.slice(0, shown);
}

/** A key as people read it; a provider's text is cut. */
export function keyText(values: readonly unknown[]): string {
  return values.map((value) => (value === null ? "null" : String(value).slice(0, 100))).join(" | ");
}
