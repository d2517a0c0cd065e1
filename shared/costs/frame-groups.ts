import { setImmediate } from "node:timers/promises";
import type { DataFrame, Expr } from "nodejs-polars";
import type { CostFilters, FilterName } from "./filters.ts";
import type { FrameKey, MonthFrame } from "./month-frame.ts";
import { addSums, amountNames, nativePrefix, readSums, type Sums } from "./sums.ts";

/** Rows of some UTC days, both ends included, that pass the filters. The one way rows are chosen. */
export interface Selection {
  start: string;
  end: string;
  filters: CostFilters;
  /** Entities whose rows are taken; absent: all. Only for frames that have entities. */
  entities?: readonly string[] | undefined;
}

/** The sums of the rows that share the values of the keys. */
export interface Group<Key extends FrameKey> {
  key: Readonly<Record<Key, string>>;
  sums: Sums;
}

/** Groups under construction, by their keys' values. */
export type Groups<Key extends FrameKey> = Map<string, Group<Key>>;

/** The key each filter looks at. */
export const filterKeys = {
  providers: "provider",
  categories: "category",
  services: "service",
  charge_categories: "charge_category",
} as const satisfies Record<FilterName, FrameKey>;

const sliceRows = 2_000;

/** The keys of groups, and whether their sums are in the rows' own currency: then `currency` is one of the keys. */
export interface GroupsWanted<Key extends FrameKey> {
  keys: readonly Key[];
  isNative?: boolean;
}

/**
 * What adds the chosen rows of one month after the other to the groups. Days are `YYYY-MM-DD`, booleans `true` and
 * `false`. The expressions are made once and each for many columns: making one takes longer than grouping a month.
 */
export async function groupAdder<Key extends FrameKey>(
  groups: Groups<Key>,
  selection: Selection,
  { keys, isNative = false }: GroupsWanted<Key>,
): Promise<(month: MonthFrame) => Promise<void>> {
  const { default: pl } = await import("nodejs-polars");
  const prefix = isNative ? nativePrefix : "";
  const amounts = amountNames.map((name) => `${prefix}${name}`);
  const isChosen = chosen(pl, selection);
  const by = pl.cols([...keys]);
  const summed = pl.cols([...amounts, "rows"]).sum();
  const asText = pl.cols([...keys, ...amounts, "rows"]).cast(pl.Utf8);
  return async ({ frame }) => {
    const sums = await frame
      .lazy()
      .filter(isChosen)
      .groupBy(by, { maintainOrder: false })
      .agg(summed)
      .select(asText)
      .collect();
    for await (const record of recordsOf(sums)) {
      const key = Object.fromEntries(keys.map((name) => [name, String(record[name])])) as Record<Key, string>;
      addTo(groups, { key, sums: readSums(record, prefix) });
    }
  };
}

/** Sums groups again by fewer keys. */
export function regrouped<From extends FrameKey, Key extends From>(
  groups: Iterable<Group<From>>,
  keys: readonly Key[],
): Group<Key>[] {
  const fewer: Groups<Key> = new Map();
  for (const { key, sums } of groups) {
    addTo(fewer, { key: Object.fromEntries(keys.map((name) => [name, key[name]])) as Record<Key, string>, sums });
  }
  return [...fewer.values()];
}

function addTo<Key extends FrameKey>(groups: Groups<Key>, group: Group<Key>): void {
  const id = JSON.stringify(Object.values(group.key));
  const known = groups.get(id);
  groups.set(id, known === undefined ? group : { key: known.key, sums: addSums(known.sums, group.sums) });
}

function chosen(pl: typeof import("nodejs-polars")["default"], selection: Selection): Expr {
  const { start, end, filters, entities } = selection;
  const day = pl.col("day").cast(pl.Utf8);
  const conditions = Object.entries(filterKeys).flatMap(([name, key]) => {
    const values = filters[name as FilterName];
    return values === undefined ? [] : [pl.col(key).isIn(values)];
  });
  // An empty list has no type that could be looked for among texts.
  if (entities !== undefined)
    conditions.push(entities.length === 0 ? pl.lit(false) : pl.col("entity").isIn([...entities]));
  return conditions.reduce((all, one) => all.and(one), day.gtEq(pl.lit(start)).and(day.ltEq(pl.lit(end))));
}

/** Crossing into JS is done in slices, so that other requests get their turn. */
async function* recordsOf(frame: DataFrame): AsyncGenerator<Record<string, unknown>> {
  for (let at = 0; at < frame.height; at += sliceRows) {
    if (at > 0) await setImmediate();
    yield* frame.slice(at, sliceRows).toRecords();
  }
}
