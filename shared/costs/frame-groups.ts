import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { DataFrame, Expr } from "nodejs-polars";
import type { CostFilters, FilterName } from "./filters.ts";
import type { FrameKey } from "./month-frame.ts";
import type { MonthSource, SumsByKey } from "./month-source.ts";
import { addSums, amountNames, nativePrefix, readSums, type Sums } from "./sums.ts";

type Polars = typeof import("nodejs-polars")["default"];

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
 * The chosen rows of a month in groups, remembered with the month. Days are `YYYY-MM-DD`, booleans `true` and `false`.
 * The frame is asked for only when the groups are not known.
 */
export async function monthGroups<Key extends FrameKey>(
  month: MonthSource,
  selection: Selection,
  wanted: GroupsWanted<Key>,
): Promise<readonly Group<Key>[]> {
  const choice = choiceOf(selection, month);
  const name = createHash("sha256")
    .update(JSON.stringify([choice, wanted]))
    .digest("base64url");
  const groups: readonly SumsByKey[] = await month.groups(name, async () => {
    const { frame } = await month.frame();
    return groupsOf(frame, choice, wanted);
  });
  return groups as readonly Group<Key>[];
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

/** The groups of all parts, those of equal keys added up. */
export function addedGroups<Key extends FrameKey>(parts: Iterable<readonly Group<Key>[]>): Group<Key>[] {
  const groups: Groups<Key> = new Map();
  for (const part of parts) for (const group of part) addTo(groups, group);
  return [...groups.values()];
}

/** Groups under construction, by their keys' values. */
type Groups<Key extends FrameKey> = Map<string, Group<Key>>;

function addTo<Key extends FrameKey>(groups: Groups<Key>, group: Group<Key>): void {
  const id = JSON.stringify(Object.values(group.key));
  const known = groups.get(id);
  groups.set(id, known === undefined ? group : { key: known.key, sums: addSums(known.sums, group.sums) });
}

/** What a selection asks of one month: null where it takes all. */
interface Choice {
  start: string | null;
  end: string | null;
  filters: CostFilters;
  entities: readonly string[] | null;
}

function choiceOf({ start, end, filters, entities }: Selection, { first, last }: MonthSource): Choice {
  return {
    start: start > first ? start : null,
    end: end < last ? end : null,
    filters,
    entities: entities ?? null,
  };
}

async function groupsOf<Key extends FrameKey>(
  frame: DataFrame,
  choice: Choice,
  { keys, isNative = false }: GroupsWanted<Key>,
): Promise<Group<Key>[]> {
  const { default: pl } = await import("nodejs-polars");
  const prefix = isNative ? nativePrefix : "";
  const { by, summed, asText } = groupingOf(pl, keys, prefix);
  const isChosen = chosen(pl, choice);
  const rows = isChosen === undefined ? frame.lazy() : frame.lazy().filter(isChosen);
  const sums = await rows.groupBy(by, { maintainOrder: false }).agg(summed).select(asText).collect();
  const groups: Group<Key>[] = [];
  for await (const record of recordsOf(sums)) {
    const key = Object.fromEntries(keys.map((name) => [name, String(record[name])])) as Record<Key, string>;
    groups.push({ key, sums: readSums(record, prefix) });
  }
  return groups;
}

/** Made once per process and each for many columns: making one takes as long as grouping a month. */
const groupings = new Map<string, ReturnType<typeof grouping>>();

function groupingOf(pl: Polars, keys: readonly FrameKey[], prefix: string): ReturnType<typeof grouping> {
  const name = [prefix, ...keys].join();
  const known = groupings.get(name) ?? grouping(pl, keys, prefix);
  groupings.set(name, known);
  return known;
}

function grouping(pl: Polars, keys: readonly FrameKey[], prefix: string) {
  const sums = [...amountNames.map((name) => `${prefix}${name}`), "rows"];
  return { by: pl.cols([...keys]), summed: pl.cols(sums).sum(), asText: pl.cols([...keys, ...sums]).cast(pl.Utf8) };
}

/** Undefined where every row is chosen. */
function chosen(pl: Polars, { start, end, filters, entities }: Choice): Expr | undefined {
  const date = (text: string): Expr => pl.lit(text).cast(pl.Date);
  const conditions: Expr[] = [];
  if (start !== null) conditions.push(pl.col("day").gtEq(date(start)));
  if (end !== null) conditions.push(pl.col("day").ltEq(date(end)));
  for (const [name, key] of Object.entries(filterKeys)) {
    const values = filters[name as FilterName];
    if (values !== undefined) conditions.push(pl.col(key).isIn(values));
  }
  // An empty list has no type that could be looked for among texts.
  if (entities !== null) conditions.push(entities.length === 0 ? pl.lit(false) : pl.col("entity").isIn([...entities]));
  return conditions.length === 0 ? undefined : conditions.reduce((all, one) => all.and(one));
}

/** Crossing into JS is done in slices, so that other requests get their turn. */
async function* recordsOf(frame: DataFrame): AsyncGenerator<Record<string, unknown>> {
  for (let at = 0; at < frame.height; at += sliceRows) {
    if (at > 0) await setImmediate();
    yield* frame.slice(at, sliceRows).toRecords();
  }
}
