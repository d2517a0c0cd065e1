import pl, { type DataFrame } from "nodejs-polars";
import { amountText, parseAmount, roundAmount, sumAmounts } from "#shared/money/amount.ts";
import { cellBytes, framesDone } from "#shared/platform/warehouse/frame-memory.ts";
import type { StreamPart } from "../stream.ts";
import { ahead } from "./ahead.ts";
import { type FocusModel, focusModel } from "./columns.ts";
import { addTotals, currencyTotals } from "./day-content.ts";
import { blockBytes, type DeliveredBytes } from "./delivered-bytes.ts";
import { addErrors, emptyReport, type FileReport } from "./file-report.ts";
import { type Fill, fills } from "./fills.ts";
import { focusRules } from "./focus-rules.ts";
import { type Delivered, deliveredColumns } from "./header.ts";
import { type Inspection, inspection } from "./inspection.ts";
import { fileLimits } from "./limits.ts";
import { type PartWriter, partWriter } from "./part-writer.ts";
import { errorsOf, excerpt, fileRefused, isRefusal } from "./refusal.ts";
import { rowChecks } from "./row-checks.ts";
import { periodName, type RowMaking, type RowSource, rowMaking } from "./table-rows.ts";
import { type TextFile, textFile } from "./text-file.ts";
import { type Typing, typing } from "./typed-frame.ts";

/** A FOCUS file as it was delivered. */
export interface FocusFile {
  content: DeliveredBytes;
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
  try {
    const model = await focusModel();
    const text = await textFile(file.content);
    try {
      await readRecords(file, text, { model, report, work });
    } finally {
      await text.release();
    }
  } catch (error) {
    if (!isRefusal(error)) throw error;
    addErrors(report, errorsOf(error));
  }
  return report;
}

interface Reading {
  model: FocusModel;
  report: FileReport;
  work: ReadingWork;
}

async function readRecords(file: FocusFile, text: TextFile, reading: Reading): Promise<void> {
  const { model, report, work } = reading;
  const delivered = deliveredColumns(text.header, model);
  report.focusVersion = delivered.version;
  report.renamed = delivered.renamed;
  const passage = await passageOf(file, text, delivered, model);
  const writer = work.write === undefined ? undefined : partWriter(passage.source, work.write);
  const vendors = new Set<string>();
  for await (const { height, rows } of records(text, passage, reading)) {
    report.rows += height;
    if (report.rows > fileLimits.rows)
      throw fileRefused("The file has more than 10 million rows.", { rule: "rows_limit" });
    if (rows !== undefined) await take(rows, { vendors, report, writer });
    await work.progress?.(report.rows);
  }
  report.vendor = file.vendorName ?? (vendors.size === 0 ? null : excerpt([...vendors].sort().join(", ")));
  refuseOtherCounts(file, report);
  await writer?.finish();
}

/** Frames with their rows, in the order of the file: while one is taken, the next is read and checked, and no more. */
function records(text: TextFile, passage: Passage, { report, work }: Reading): AsyncGenerator<Taken> {
  let firstRow = 1;
  return ahead(text.frames, async (frame) => {
    work.signal.throwIfAborted();
    const first = firstRow;
    firstRow += frame.height;
    const typed = await passage.type(frame, first);
    framesDone(blockBytes + cellBytes * typed.height * typed.width);
    return { height: typed.height, rows: await usableRows(typed, first, passage, report) };
  });
}

interface Taken {
  height: number;
  /** Undefined where the file has an error. */
  rows: DataFrame | undefined;
}

/** What every frame of one file goes through. */
interface Passage {
  source: RowSource;
  type: Typing;
  inspect: Inspection;
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
  const source = { ...file, model, delivered, fills: filling };
  const makeRows = rowMaking(source);
  await turn();
  return { source, type, inspect, makeRows };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The rows, or undefined where the file has an error: then the rest is checked, and nothing is made of it. */
async function usableRows(
  typed: DataFrame,
  firstRow: number,
  passage: Passage,
  report: FileReport,
): Promise<DataFrame | undefined> {
  await passage.inspect(typed, report);
  if (report.errorCount > 0) return undefined;
  return passage.makeRows(typed, firstRow);
}

const dayColumn = "x_charge_date";
const rowCount = pl.len().alias("n");
const countedDay = [pl.col(periodName), pl.col(dayColumn).cast(pl.Utf8).alias("day"), pl.col("n")];
const distinct = [pl.col(periodName).unique().implode(), pl.col("ProviderName").unique().implode()];

async function take(
  rows: DataFrame,
  { vendors, report, writer }: { vendors: Set<string>; report: FileReport; writer: PartWriter | undefined },
): Promise<void> {
  report.totals = addTotals(report.totals, await currencyTotals(rows));
  await countDays(rows, report);
  const found = await rows
    .lazy()
    .select(...distinct)
    .collect();
  const [ownPeriods, ownVendors] = found.row(0) as [number[], string[]];
  for (const vendor of ownVendors) if (vendors.size < 20) vendors.add(vendor);
  if (writer === undefined) return;
  const periods = ownPeriods.map(Number).sort();
  await writer.leave(periods.map(periodText));
  for (const period of periods)
    await writer.add(periodText(period), periods.length === 1 ? rows : await rowsOfPeriod(rows, period));
}

function rowsOfPeriod(rows: DataFrame, period: number): Promise<DataFrame> {
  return rows
    .lazy()
    .filter(pl.col(periodName).eq(pl.lit(period)))
    .collect();
}

/** `yyyymm` to `YYYY-MM`. */
function periodText(period: number): string {
  return `${Math.floor(period / 100)}-${String(period % 100).padStart(2, "0")}`;
}

async function countDays(rows: DataFrame, report: FileReport): Promise<void> {
  const counts = await rows
    .lazy()
    .groupBy([periodName, dayColumn])
    .agg(rowCount)
    .select(...countedDay)
    .collect();
  for (const [number, day, count] of counts.rows()) {
    const period = periodText(Number(number));
    const days = report.periods[period] ?? {};
    days[String(day)] = (days[String(day)] ?? 0) + Number(count);
    report.periods[period] = days;
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
