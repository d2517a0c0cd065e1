import { columnsNamed, wronglyTyped } from "./frame.ts";
import type { Column, TableDefinition } from "./table.ts";
import type { Batch, BatchDays, TableSource } from "./warehouse.ts";
import { refused } from "./warehouse-errors.ts";
import { checkedDay, checkedName } from "./warehouse-names.ts";

/** The column by which rows of data tables name their batch. Source: tables.md section 3, lineage block. */
export const BATCH_COLUMN = "x_batch_id";

const SHA_256 = /^[0-9a-f]{64}$/;

/** What every adapter demands of a batch before it stores a row. Errors: `BATCH_REFUSED` naming the column. */
export function checkBatch(batch: Batch): void {
  checkSource(batch);
  checkedName("batch", batch.batchId);
  if (!SHA_256.test(batch.contentHash)) throw refused("the content hash must be a SHA-256 in hex");
  if (batch.rows.width !== batch.table.columns.length) {
    throw refused(`the batch has ${batch.rows.width} columns, ${batch.table.name} has ${batch.table.columns.length}`);
  }
  columnsNamed(batch.table, batch.rows.columns);
  const [wrong] = wronglyTyped(batch.rows, batch.table.columns);
  if (wrong !== undefined) throw refused(`column ${wrong.name} is not of the type ${wrong.type}`);
  checkNulls(batch);
  if (batch.table.kind === "data") checkBatchColumn(batch);
}

/** Names that may touch a path or a statement. */
export function checkSource(source: TableSource): void {
  checkedName("dataset", source.datasetId);
  checkedName("table", source.table.name);
  for (const column of source.table.columns) checkedName("column", column.name);
}

/** The asked columns, and the asked days per batch with repetitions removed: no row may be read twice. */
export function checkRead(
  source: TableSource,
  parts: readonly BatchDays[],
  columns: readonly string[],
): { columns: Column[]; days: Map<string, Set<string>> } {
  checkSource(source);
  if (columns.length === 0 || new Set(columns).size !== columns.length) throw refused("ask for each column once");
  const days = new Map<string, Set<string>>();
  for (const part of parts) {
    const known = days.get(checkedName("batch", part.batchId)) ?? new Set();
    for (const day of part.days) known.add(checkedDay(day));
    days.set(part.batchId, known);
  }
  return { columns: columnsNamed(source.table, columns), days };
}

export function isOrganizationColumn(name: string): boolean {
  return name === "org_slug" || name === "x_org_slug";
}

/** The column that names the organization in a table shared by all. */
export function organizationColumn(table: TableDefinition): string {
  const column = table.columns.find(({ name }) => isOrganizationColumn(name));
  if (!column) throw refused(`table ${table.name} has no column that names an organization`);
  return column.name;
}

function checkNulls({ rows, table }: Batch): void {
  const nulls = rows.nullCount().row(0);
  const hasNulls = new Set(rows.columns.filter((_, at) => Number(nulls[at]) > 0));
  for (const { name, mode } of table.columns) {
    const mayBeNull = mode === "NULLABLE" && name !== table.partition?.field;
    if (!mayBeNull && hasNulls.has(name)) throw refused(`column ${name} has nulls`);
  }
}

/** Reads find rows by this column: another id in it would make them invisible. */
function checkBatchColumn(batch: Batch): void {
  if (!batch.table.columns.some(({ name }) => name === BATCH_COLUMN)) {
    throw refused(`data table ${batch.table.name} has no ${BATCH_COLUMN}`);
  }
  const named = batch.rows.getColumn(BATCH_COLUMN).unique().toArray();
  if (named.some((id) => id !== batch.batchId)) throw refused(`${BATCH_COLUMN} names another batch`);
}
