import { entityIdOf, type Tree } from "#shared/hierarchy/tree.ts";
import { amountText, parseAmount } from "#shared/money/amount.ts";
import { readStrictCsv } from "#shared/platform/strict-csv.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { MetricDocument } from "./metric.ts";
import type { DayValue } from "./metric-store.ts";

/** A value with its UTC day. */
export type MeasuredValue = DayValue & { day: string };

/** What is wrong with a row; rows of a file are counted as a spreadsheet does, the header being 1. */
export interface ValueProblem {
  row: number;
  field: "day" | "dimension" | "quantity";
  problem: string;
}

/** What values are checked against. */
interface By {
  metric: Pick<MetricDocument, "dimension">;
  /** Of a metric whose dimension is the entity. */
  tree: Tree | undefined;
}

interface Given {
  day: string;
  dimension: string;
  quantity: string;
  revision: number | null;
}

const unprintable = /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u;
const longest = 200;
const largest = "1e18";
const mostDecimals = 12;
const maximumBytes = 5_000_000;
const maximumRows = 50_000;
const columns = ["day", "dimension", "quantity"] as const;

/** The value as it is stored, or all that is wrong with it. Source: hierarchy.md 3. */
export function checkedValue(
  { day, dimension, quantity, revision }: Given,
  row: number,
  by: By,
): { value: MeasuredValue } | { problems: ValueProblem[] } {
  const problems: ValueProblem[] = [];
  const fail = (field: ValueProblem["field"], problem: string): void => void problems.push({ row, field, problem });
  if (!isDay(day)) fail("day", "must be a UTC day, YYYY-MM-DD");
  const named = namedValue(dimension.normalize("NFC"), by, fail);
  const amount = quantityText(quantity, fail);
  if (problems.length > 0) return { problems };
  return { value: { day, dimension: named, quantity: amount, revision } };
}

function isDay(text: string): boolean {
  if (!/^2\d{3}-\d{2}-\d{2}$/.test(text)) return false;
  const at = new Date(`${text}T00:00:00Z`);
  return Number.isFinite(at.getTime()) && at.toISOString().startsWith(text);
}

type Fail = (field: ValueProblem["field"], problem: string) => void;

function namedValue(text: string, { metric, tree }: By, fail: Fail): string {
  if (metric.dimension === "none") {
    if (text !== "") fail("dimension", "must be empty: the metric has no dimension");
    return "";
  }
  if (metric.dimension === "entity") {
    const id = entityIdOf(text);
    if (id === undefined || !tree?.nodes.has(id)) fail("dimension", "is no active entity of this organization");
    return id ?? "";
  }
  if (text === "") fail("dimension", `must name a ${metric.dimension}`);
  if ([...text].length > longest) fail("dimension", `must not have more than ${longest} characters`);
  if (unprintable.test(text)) fail("dimension", "must not hold control characters");
  return text;
}

/** Plain decimal text, exact: never through a float. */
function quantityText(text: string, fail: Fail): string {
  if (!/^\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,2})?$/.test(text)) {
    fail("quantity", "must be a decimal number, not negative");
    return "0";
  }
  const amount = parseAmount(text);
  if (amount.greaterThan(largest)) fail("quantity", "must be at most 10^18");
  if (amount.decimalPlaces() > mostDecimals) fail("quantity", `must have at most ${mostDecimals} decimals`);
  return amountText(amount);
}

/** A file's values, or all that is wrong with it. Throws `IMPORT_TOO_LARGE`, `INVALID_BODY` for what is no such file. */
export function fileValues(csv: string, by: By): { values: MeasuredValue[]; problems: ValueProblem[] } {
  if (Buffer.byteLength(csv) > maximumBytes) throw tooLarge(`${maximumBytes} bytes`);
  const rows = csvRows(csv);
  if (rows.length > maximumRows) throw tooLarge(`${maximumRows} rows`);
  const found = rows.map((cells, at) => {
    const { day = "", dimension = "", quantity = "" } = cells;
    return checkedValue({ day, dimension: unquoted(dimension), quantity, revision: null }, at + 2, by);
  });
  const values = found.flatMap((each) => ("value" in each ? [each.value] : []));
  return { values, problems: [...found.flatMap((each) => ("problems" in each ? each.problems : [])), ...twice(found)] };
}

function tooLarge(limit: string): AppError {
  return new AppError("IMPORT_TOO_LARGE", `A file of values has at most ${limit}.`);
}

function csvRows(csv: string): Partial<Record<(typeof columns)[number], string>>[] {
  const { value, faults } = readStrictCsv(csv, maximumBytes);
  const [fault] = faults;
  if (fault !== undefined) throw noFile(`line ${fault.line} ${fault.problem}`);
  const names = Object.keys(value[0] ?? {});
  const unknown = names.find((name) => !columns.some((column) => column === name));
  if (unknown !== undefined) throw noFile(`has the unknown column ${unknown}`);
  const missing = columns.filter((column) => column !== "dimension" && value.length > 0 && !names.includes(column));
  if (missing.length > 0) throw noFile(`lacks the column ${missing.join(", ")}`);
  return value;
}

function noFile(problem: string): AppError {
  return new AppError("INVALID_BODY", `csv_content ${problem}.`, { fields: [{ path: "/csv_content", problem }] });
}

/** The mark that our exports put before what a spreadsheet would take for a formula. */
function unquoted(text: string): string {
  return /^'+[=+\-@\t\r\0＝]/.test(text) ? text.slice(1) : text;
}

function twice(found: readonly ReturnType<typeof checkedValue>[]): ValueProblem[] {
  const seen = new Set<string>();
  return found.flatMap((each, at): ValueProblem[] => {
    if (!("value" in each)) return [];
    const id = `${each.value.day} ${each.value.dimension}`;
    if (!seen.has(id)) {
      seen.add(id);
      return [];
    }
    return [{ row: at + 2, field: "dimension", problem: `stands twice on ${each.value.day}` }];
  });
}
