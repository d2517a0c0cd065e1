import pl, { type DataFrame, type Expr } from "nodejs-polars";
import { amountText, parseAmount, roundAmount, sumAmounts } from "#shared/money/amount.ts";
import type { StreamPart } from "../stream.ts";
import { ahead } from "./ahead.ts";
import { type FocusModel, focusModel } from "./columns.ts";
import { addTotals, currencyTotals } from "./day-content.ts";
import { addErrors, emptyReport, type FileReport } from "./file-report.ts";
import { type Fill, fills } from "./fills.ts";
import { focusRules } from "./focus-rules.ts";
import { type Delivered, deliveredColumns } from "./header.ts";
import { type Inspection, inspection } from "./inspection.ts";
import { fileLimits } from "./limits.ts";
import { type PartWriter, partWriter } from "./part-writer.ts";
import { errorsOf, excerpt, fileRefused, isRefusal } from "./refusal.ts";
import { rowChecks } from "./row-checks.ts";
import { periodName, type RowMaking, rowMaking, type TableRows } from "./table-rows.ts";
import { type TextFile, textFile } from "./text-file.ts";
import { type Typing, typing } from "./typed-frame.ts";

/** A FOCUS file as it was delivered. */
export interface FocusFile {
  bytes: Uint8Array;
  /** Hex. */
  sha256: string;
  /** Name of the object that keeps it. */
  uri: string;
  /** What the integration calls the provider of files that name none. */
  vendorName: string | null;
  /** What the sender counted: number of records, sum of BilledCost as decimal text. */
  control: { rows: number | null; total: string | null };
  /** Registry slug and whether its charges are cloud. */
  provider: string;
  isCloud: boolean;
}

export interface ReadingWork {
  signal: AbortSignal;
  /** Absent where the file is only checked. */
  write?: (part: StreamPart) => Promise<void>;
  progress?: (rows: number) => Promise<void>;
}

/**
 * Reads a file piece by piece: checks every row, and hands its rows over in parts as long as there is no error. Memory
 * does not depend on the size of the file. What is wrong with the file stands in the report; nothing is thrown for it.
 */
export async function readFocusFile(file: FocusFile, work: ReadingWork): Promise<FileReport> {
  const report = emptyReport();
  const model = await focusModel();
  const writer = work.write === undefined ? undefined : partWriter(model, work.write);
  try {
    await readRecords(file, { model, writer, report, work });
    await writer?.finish();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    addErrors(report, errorsOf(error));
  }
  return report;
}

interface Reading {
  model: FocusModel;
  writer: PartWriter | undefined;
  report: FileReport;
  work: ReadingWork;
}

async function readRecords(file: FocusFile, reading: Reading): Promise<void> {
  const { model, report, work } = reading;
  const text = await textFile(file.bytes);
  const delivered = deliveredColumns(text.header, model);
  report.focusVersion = delivered.version;
  report.renamed = delivered.renamed;
  const passage = await passageOf(file, text, delivered, model);
  const vendors = new Set<string>();
  for await (const { frame, rows } of records(text, passage, reading)) {
    report.rows += frame.height;
    if (report.rows > fileLimits.rows)
      throw fileRefused("The file has more than 10 million rows.", { rule: "rows_limit" });
    if (rows !== undefined) await take(rows, vendors, reading);
    await work.progress?.(report.rows);
  }
  report.vendor = file.vendorName ?? (vendors.size === 0 ? null : excerpt([...vendors].sort().join(", ")));
  refuseOtherCounts(file, report);
}

/** Frames with their rows, in the order of the file: while one is taken, the next is checked and the one after it is read. */
function records(text: TextFile, passage: Passage, { report, work }: Reading): AsyncGenerator<Taken> {
  let firstRow = 1;
  const numbered = ahead(text.frames, async (frame) => {
    work.signal.throwIfAborted();
    const first = firstRow;
    firstRow += frame.height;
    return { frame, first, typed: await passage.type(frame, first) };
  });
  return ahead(numbered, async ({ frame, first, typed }) => ({
    frame,
    rows: await usableRows(typed, first, passage, report),
  }));
}

interface Taken {
  frame: DataFrame;
  /** Undefined where the file has an error. */
  rows: TableRows | undefined;
}

/** What every frame of one file goes through. */
interface Passage {
  type: Typing;
  inspect: Inspection;
  filled: Expr[];
  makeRows: RowMaking;
}

/** Hundreds of expressions are made here; others get a turn in between. */
async function passageOf(file: FocusFile, text: TextFile, delivered: Delivered, model: FocusModel): Promise<Passage> {
  const filling: Fill[] = fills(delivered, file.vendorName);
  await turn();
  const checks = rowChecks(delivered, model, text.hasOverflow);
  await turn();
  const rules = focusRules(delivered, model);
  await turn();
  const inspect = inspection({ checks, rules, fills: filling });
  await turn();
  const type = typing(delivered, model);
  await turn();
  const makeRows = rowMaking({ ...file, model, delivered });
  await turn();
  return { type, inspect, filled: filling.map(({ column, value }) => value.alias(column)), makeRows };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The rows of both tables, or undefined where the file has an error: then the rest is checked, and nothing is made of it. */
async function usableRows(
  typed: DataFrame,
  firstRow: number,
  passage: Passage,
  report: FileReport,
): Promise<TableRows | undefined> {
  await passage.inspect(typed, report);
  if (report.errorCount > 0) return undefined;
  const filled = await typed
    .lazy()
    .withColumns(...passage.filled)
    .collect();
  return passage.makeRows(filled, firstRow);
}

const byPeriodAndDay = [pl.col(periodName), pl.col("x_charge_date").cast(pl.Utf8).alias("day")];
const rowCount = pl.len().alias("n");

async function take(rows: TableRows, vendors: Set<string>, { report, writer }: Reading): Promise<void> {
  report.totals = addTotals(report.totals, await currencyTotals(rows.cost));
  await countDays(rows.cost, report);
  for (const vendor of rows.raw.getColumn("vendor").unique().toArray())
    if (vendors.size < 20) vendors.add(String(vendor));
  if (writer === undefined) return;
  const periods = rows.cost.getColumn(periodName).unique().toArray().map(String).sort();
  for (const period of periods) await writer.add(period, periods.length === 1 ? rows : ofPeriod(rows, period));
}

function ofPeriod({ cost, raw }: TableRows, period: string): TableRows {
  const ofRaw = pl.col("billing_period_start").date.strftime("%Y-%m");
  return {
    cost: cost.filter(pl.col(periodName).eq(pl.lit(period))),
    raw: raw.filter(ofRaw.eq(pl.lit(period))),
  };
}

async function countDays(cost: DataFrame, report: FileReport): Promise<void> {
  const counts = await cost.lazy().groupBy(byPeriodAndDay).agg(rowCount).collect();
  for (const [period, name, rows] of counts.rows()) {
    const days = report.periods[String(period)] ?? {};
    days[String(name)] = (days[String(name)] ?? 0) + Number(rows);
    report.periods[String(period)] = days;
  }
  const all = Object.values(report.periods).reduce((sum, days) => sum + Object.keys(days).length, 0);
  if (all > fileLimits.days)
    throw fileRefused(`The file has charges of more than ${fileLimits.days} days.`, { rule: "days_limit" });
}

function refuseOtherCounts({ control }: FocusFile, report: FileReport): void {
  if (report.errorCount > 0) return;
  if (report.rows === 0) throw fileRefused("The file has a header and no rows.", { rule: "no_rows" });
  if (control.rows !== null && control.rows !== report.rows)
    throw fileRefused(`The file has ${report.rows} rows, announced were ${control.rows}.`, {
      rule: "control_rows",
      value_excerpt: String(report.rows),
    });
  if (control.total === null) return;
  const billed = amountText(sumAmounts(Object.values(report.totals).map(([amount]) => parseAmount(amount))));
  if (billed !== amountText(roundAmount(parseAmount(control.total))))
    throw fileRefused(`BilledCost sums up to ${billed}, announced was ${control.total}.`, {
      rule: "control_total",
      column: "BilledCost",
      value_excerpt: billed,
    });
}
