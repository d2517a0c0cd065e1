import { readStrictCsv } from "#shared/platform/strict-csv.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import type { EntityDocument } from "./entity.ts";
import type { Tree } from "./tree.ts";
import { codeOf } from "./tree-read.ts";

const columns = [
  "entity_id",
  "entity_name",
  "level",
  "level_code",
  "parent_id",
  "owner_name",
  "owner_email",
  "description",
  "metadata",
  "sort_order",
] as const;
export type CsvColumn = (typeof columns)[number];

const requiredColumns = columns.slice(0, 4);
const numericColumns: ReadonlySet<CsvColumn> = new Set(["level", "sort_order"]);
const maximumBytes = 5_000_000;
const maximumRows = 5_000;

/** What a spreadsheet would take for a formula, with or without quote marks in front that say it is text. */
const formula = /^'*[=+\-@\t\r\0＝]/;
const defused = /^'+[=+\-@\t\r\0＝]/;

/** The cells of one row; an absent column is one the file does not have. */
export type CsvRow = Partial<Record<CsvColumn, string>>;

/** Entities as CSV, in the given order. Cells that look like a formula get a quote mark in front. */
export function hierarchyCsv(entities: readonly EntityDocument[], tree: Tree): string {
  const lines = entities.map((entity) => {
    const cells: Record<CsvColumn, string> = {
      entity_id: entity.entityId,
      entity_name: entity.entityName,
      level: String(entity.level),
      level_code: codeOf(tree, entity.level),
      parent_id: entity.parentId ?? "",
      owner_name: entity.ownerName ?? "",
      owner_email: entity.ownerEmail ?? "",
      description: entity.description ?? "",
      metadata: entity.metadata === null ? "" : JSON.stringify(entity.metadata),
      sort_order: String(entity.sortOrder),
    };
    return columns.map((column) => cellText(column, cells[column])).join(",");
  });
  return `${[columns.join(","), ...lines].join("\r\n")}\r\n`;
}

function cellText(column: CsvColumn, text: string): string {
  const safe = !numericColumns.has(column) && formula.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) || safe.trim() !== safe ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * The rows of a file with the quote marks of the export taken away. Throws `IMPORT_TOO_LARGE`, and `INVALID_BODY` naming
 * line and problem for what is no CSV of these columns.
 */
export function readHierarchyCsv(text: string): CsvRow[] {
  if (Buffer.byteLength(text) > maximumBytes) throw tooLarge(`${maximumBytes} bytes`);
  if (withoutMark(text).trim() === "") return [];
  const { value, faults } = readStrictCsv(text, maximumBytes);
  if (faults.length > 0) throw refused(faults.map(({ line, problem }) => ({ line, problem })));
  if (value.length > maximumRows) throw tooLarge(`${maximumRows} rows`);
  const names = headerOf(text, value);
  const unknown = names.filter((name) => !columns.some((column) => column === name));
  const missing = requiredColumns.filter((column) => !names.includes(column));
  const problems = [
    ...unknown.map((name) => `the column ${name} is unknown`),
    ...missing.map((name) => `the column ${name} is missing`),
  ];
  if (problems.length > 0) throw refused(problems.map((problem) => ({ line: 1, problem })));
  return value.map(withoutMarks);
}

/** A file of a header alone has no row to tell its columns. */
function headerOf(text: string, rows: readonly Record<string, string>[]): string[] {
  if (rows[0] !== undefined) return Object.keys(rows[0]);
  return withoutMark(text).trim().replaceAll('"', "").split(",");
}

function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

function withoutMarks(row: Record<string, string>): CsvRow {
  return Object.fromEntries(
    Object.entries(row).map(([name, cell]) => {
      const isText = !numericColumns.has(name as CsvColumn);
      return [name, isText && defused.test(cell) ? cell.slice(1) : cell];
    }),
  );
}

export function tooLarge(limit: string): AppError {
  return new AppError("IMPORT_TOO_LARGE", `An import holds at most ${limit}.`);
}

function refused(faults: readonly { line: number; problem: string }[]): AppError {
  const fields: FieldProblem[] = faults.map(({ line, problem }) => ({
    path: "/csv_content",
    problem: `line ${line}: ${problem}`,
  }));
  return new AppError("INVALID_BODY", `csv_content, ${fields[0]?.problem}.`, { fields });
}
