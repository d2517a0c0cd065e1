import type { DataFrame, Expr } from "nodejs-polars";
import type { DayPublication } from "#shared/ledger/ledger.ts";
import type { MinorDigits } from "#shared/money/currencies.ts";
import { cellBytes, framesDone } from "#shared/platform/warehouse/frame-memory.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { BatchDays } from "#shared/platform/warehouse/warehouse.ts";
import { asWritten, type Written } from "./as-written.ts";
import { builtIns, type Check, columnsOf } from "./built-in.ts";
import { type CheckedRows, type Group, groupColumn, type Polars, type Verdict, wholeRun } from "./checked-rows.ts";
import type { Expectation, Failure } from "./expectation.ts";
import { madeOnce } from "./made-once.ts";
import { amountsInRange, currencyKnown, noFutureDates, notNull, uniqueKey, valuesInSet } from "./row-checks.ts";
import { rowCountBetween, sumCloseTo, unitSanity } from "./sum-checks.ts";
import { type Baseline, totalChangeWithin } from "./total-change.ts";

/** What the checks need of the world. */
export interface CheckContext {
  tables: ReadonlyMap<string, TableDefinition>;
  /** Tables that the pipeline writes; each has built-in checks. */
  written: readonly string[];
  expectations: readonly Expectation[];
  read(table: TableDefinition, parts: readonly BatchDays[], columns: readonly string[]): Promise<DataFrame>;
  baseline: Baseline;
  currencies: MinorDigits;
  now: Date;
}

/** The outcome for one table of a run. */
export interface TableQuality {
  table: string;
  expectations: number;
  failures: Failure[];
}

/** So many rows are read back at once, unless one day alone has more. */
const rowsAtOnce = 100_000;

/**
 * Judges what is about to be published, exactly, on the rows as the warehouse gives them back. Answers for each written
 * table how many expectations it has and what failed, by day and source. Errors: those of the warehouse.
 * Source: `pipelines.md` 9.
 */
export async function checkPublications(
  publications: readonly DayPublication[],
  context: CheckContext,
): Promise<TableQuality[]> {
  const checks = context.written.flatMap((table) => [
    ...builtIns(definitionOf(table, context)),
    ...context.expectations.filter((expectation) => expectation.table === table),
  ]);
  const failures: Failure[] = [];
  for (const slice of slicesOf(publications)) {
    const groups = slice.map((own) => ({ name: own.day, days: [checkedDay(own)] }));
    const daily = checks.filter((check) => check.per === "day");
    failures.push(...(await failuresOf(daily, { slice, groups }, context)));
  }
  const overall = checks.filter((check) => check.per === "run");
  if (overall.length > 0 && publications.length > 0) {
    const groups = [{ name: wholeRun, days: publications.map(checkedDay) }];
    failures.push(...(await failuresOf(overall, { slice: publications, groups }, context)));
  }
  return context.written.map((table) => ({
    table,
    expectations: checks.filter((check) => check.table === table).length,
    failures: failures.filter((failure) => failure.table === table),
  }));
}

/** Days of one source whose rows are read together. */
function slicesOf(publications: readonly DayPublication[]): DayPublication[][] {
  const slices: DayPublication[][] = [];
  let rows = 0;
  for (const own of publications) {
    const last = slices.at(-1);
    const largest = Math.max(0, ...Object.values(own.parts).map((part) => part.rows));
    if (last === undefined || last[0]?.source !== own.source || rows + largest > rowsAtOnce) {
      slices.push([own]);
      rows = largest;
    } else {
      last.push(own);
      rows += largest;
    }
  }
  return slices;
}

interface Slice {
  slice: readonly DayPublication[];
  groups: readonly Group[];
}

async function failuresOf(checks: readonly Check[], slice: Slice, context: CheckContext): Promise<Failure[]> {
  const { default: pl } = await import("nodejs-polars");
  const rowsByTable = new Map<string, CheckedRows>();
  const needed = neededColumns(checks, context);
  for (const [table, columns] of needed)
    rowsByTable.set(table, await rowsOf(definitionOf(table, context), columns, slice, { pl, context }));
  const failures: Failure[] = [];
  for (const check of checks) {
    const verdicts = await verdictsOf(check, rowsByTable, slice, context);
    const sources = new Set(slice.slice.map(({ source }) => source));
    const source = check.per === "run" ? null : ([...sources][0] ?? null);
    failures.push(...verdicts.map((verdict) => failureOf(check, verdict, source)));
  }
  // Texts and what the checks made of the rows take about as much as the cells.
  for (const { frame } of rowsByTable.values()) framesDone(2 * cellBytes * frame.height * frame.width);
  return failures;
}

/** By table, of all checks together: a file is opened once. */
function neededColumns(checks: readonly Check[], context: CheckContext): Map<string, string[]> {
  const needed = new Map<string, Set<string>>();
  for (const check of checks) {
    for (const [table, columns] of columnsOf(check, (name) => definitionOf(name, context))) {
      const known = needed.get(table) ?? new Set();
      for (const column of columns) known.add(column);
      needed.set(table, known);
    }
  }
  return new Map([...needed].map(([table, columns]) => [table, [...columns].sort()]));
}

async function rowsOf(
  table: TableDefinition,
  columns: readonly string[],
  { slice, groups }: Slice,
  { pl, context }: { pl: Polars; context: CheckContext },
): Promise<CheckedRows> {
  const day = table.partition?.field ?? "";
  const batches = new Map<string, Set<string>>();
  for (const own of slice) {
    for (const { id } of own.parts[table.name]?.batches ?? [])
      batches.set(id, (batches.get(id) ?? new Set()).add(own.day));
  }
  const pairs = [...batches].map(([batchId, days]) => ({ batchId, days: [...days].sort() }));
  const frame = await context.read(table, pairs, [...new Set([day, ...columns])]);
  if (frame.height === 0) return { pl, table, frame, groups };
  const isWhole = groups[0]?.name === wholeRun;
  const names = isWhole ? [] : groups.map(({ name }) => name);
  const group = madeOnce(["group", day, names], () =>
    (isWhole ? pl.lit(wholeRun) : dayText(pl, day, names)).alias(groupColumn),
  );
  return { pl, table, frame: frame.withColumn(group), groups };
}

/** The day of each row as text. Each different day is written once: to write it row by row takes as long as a check. */
function dayText(pl: Polars, day: string, names: readonly string[]): Expr {
  const numbers = names.map((name) => Date.parse(name) / 86_400_000);
  return pl
    .col(day)
    .cast(pl.Date)
    .cast(pl.Int32)
    .replaceStrict(numbers, [...names], pl.lit(null), pl.Utf8);
}

/** These look at rows one by one, or at rows with one key; the others also ask for rows that are not there. */
const passesWithoutRows: ReadonlySet<Check["kind"]> = new Set<Check["kind"]>([
  "amounts_in_range",
  "not_null",
  "unique_key",
  "values_in_set",
  "currency_known",
  "no_future_dates",
  "unit_sanity",
]);

async function verdictsOf(
  check: Check,
  rowsByTable: ReadonlyMap<string, CheckedRows>,
  slice: Slice,
  context: CheckContext,
): Promise<Verdict[]> {
  const rows = rowsByTable.get(check.table);
  if (rows === undefined) throw new Error(`no rows of ${check.table} were read`);
  if (rows.frame.height === 0 && passesWithoutRows.has(check.kind)) return [];
  switch (check.kind) {
    case "as_written":
      return asWritten(writtenOf(slice, check.table), rows);
    case "amounts_in_range":
      return amountsInRange(check.columns, rows);
    case "row_count_between":
      return rowCountBetween(check, rows);
    case "not_null":
      return notNull(check, rows);
    case "unique_key":
      return uniqueKey(check, rows);
    case "values_in_set":
      return valuesInSet(check, rows);
    case "currency_known":
      return currencyKnown(check, rows, context.currencies);
    case "no_future_dates":
      return noFutureDates(check, rows, context.now);
    case "unit_sanity":
      return unitSanity(check, rows);
    case "sum_close_to": {
      const [other] = check.reference.includes(".") ? check.reference.split(".") : [check.table];
      return sumCloseTo(check, rows, rowsByTable.get(other ?? "") ?? rows);
    }
    case "total_change_within":
      return totalChangeWithin(check, rows, context.baseline);
  }
}

/** What the run's parts say of each group of the table. */
function writtenOf({ slice }: Slice, table: string): Map<string, Written> {
  return new Map(slice.map((own) => [own.day, { rows: own.parts[table]?.rows ?? 0, totals: own.totals }]));
}

function failureOf(check: Check, verdict: Verdict, source: string | null): Failure {
  return {
    expectation: check.id,
    kind: check.kind,
    severity: verdict.isMild ? "warn" : check.severity,
    table: check.table,
    source,
    day: verdict.group === wholeRun ? null : verdict.group,
    observed: verdict.observed,
    bound: verdict.bound,
    offending: verdict.offending,
    ...(verdict.ratio === undefined ? {} : { ratio: verdict.ratio }),
  };
}

function checkedDay({ source, day, state }: DayPublication): { source: string; day: string; isEmpty: boolean } {
  return { source, day, isEmpty: state === "empty" };
}

function definitionOf(name: string, { tables }: CheckContext): TableDefinition {
  const table = tables.get(name);
  if (table === undefined) throw new Error(`there is no table ${name}`);
  return table;
}
