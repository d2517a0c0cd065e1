import { BATCH_COLUMN } from "./batch-check.ts";
import { dayOf, namedPath, quoted } from "./bigquery-sql.ts";
import type { TableDefinition } from "./table.ts";
import { type CurrentView, dayKinds, isPlainText, type SelectedColumn, type SelectionView, type View } from "./view.ts";
import { refused } from "./warehouse-errors.ts";

interface ViewPlace {
  projectId: string;
  datasetId: string;
}

/** The query of a view. It names its columns: a view made with `*` would keep the columns of the day it was made. */
export function viewSql(place: ViewPlace, view: View): string {
  if (view.kind === "selection") return selectionSql(place, view);
  switch (view.table.kind) {
    case "journal":
      return publishedSql(place, view.table);
    case "data":
      return dataSql(place, view);
    default:
      return latestSql(place, view.table);
  }
}

/** An event is never changed, so only of state can the last row say that there is nothing. */
function latestSql(place: ViewPlace, table: TableDefinition): string {
  const key = table.key.map((name) => `t.${quoted(name)}`).join(", ");
  const order = "t.`version` DESC, t.`recorded_at` DESC, t.`event_id` DESC";
  return [
    ...selected(place, table),
    "WHERE TRUE",
    `QUALIFY ROW_NUMBER() OVER (PARTITION BY ${key} ORDER BY ${order}) = 1`,
    ...(table.kind === "state" ? ["AND t.`operation` <> 'DELETE'"] : []),
  ].join("\n");
}

/**
 * Per (pipeline, source, day) the rows of the highest version, and adjustments until a later publication of their month
 * replaces their batch; of the newest epoch only. A day without rows leaves none.
 */
function publishedSql(place: ViewPlace, table: TableDefinition): string {
  const kinds = dayKinds.map((kind) => `'${kind}'`).join(", ");
  const day = "t.`ledger_epoch`, t.`x_pipeline_id`, t.`x_source`, t.`charge_date`";
  return [
    ...selected(place, table),
    "LEFT JOIN (",
    "SELECT j.`ledger_epoch`, j.`month`, gone_batch_id, MAX(j.`ledger_version`) AS `ledger_version`",
    `FROM ${namedPath({ ...place, name: table.name })} AS j, UNNEST(j.\`superseded_batch_ids\`) AS gone_batch_id`,
    "GROUP BY j.`ledger_epoch`, j.`month`, gone_batch_id",
    ") AS gone ON gone.`ledger_epoch` = t.`ledger_epoch` AND gone.`month` = t.`month` AND gone.gone_batch_id = t.`x_batch_id`",
    "WHERE TRUE",
    "QUALIFY t.`x_batch_id` IS NOT NULL",
    "AND t.`ledger_epoch` = MAX(t.`ledger_epoch`) OVER ()",
    "AND (",
    "(t.`kind` = 'adjustment' AND IFNULL(gone.`ledger_version`, 0) <= t.`ledger_version`)",
    `OR (t.\`kind\` IN (${kinds}) AND t.\`ledger_version\` =`,
    `MAX(IF(t.\`kind\` IN (${kinds}), t.\`ledger_version\`, NULL)) OVER (PARTITION BY ${day}))`,
    ")",
  ].join("\n");
}

/** A batch holds many days, and unchanged days stay on their old batch: what counts is the pair. */
function dataSql(place: ViewPlace, { name, table, published }: CurrentView): string {
  if (published === undefined || table.partition === undefined) throw refused(`view ${name} has no journal or no days`);
  return [
    ...selected(place, table),
    "JOIN (",
    `SELECT DISTINCT p.\`x_batch_id\`, p.\`charge_date\` FROM ${namedPath({ ...place, name: published.name })} AS p`,
    `WHERE p.\`table_name\` = ${literal(table.name)}`,
    `) AS pair ON pair.\`x_batch_id\` = t.${quoted(BATCH_COLUMN)} AND pair.\`charge_date\` = ${dayOf(table)}`,
  ].join("\n");
}

function selectionSql(place: ViewPlace, view: SelectionView): string {
  const isGrouped = view.columns.some(({ aggregate }) => aggregate !== undefined);
  const groups = view.columns.flatMap(({ aggregate }, at) => (aggregate === undefined ? [String(at + 1)] : []));
  const conditions = view.where.map(({ column, equals }) => `t.${quoted(column)} = ${literal(equals)}`);
  return [
    "SELECT",
    view.columns.map((column) => `  ${expression(column)} AS ${quoted(column.name)}`).join(",\n"),
    `FROM ${namedPath({ ...place, name: view.source.name })} AS t`,
    ...(conditions.length > 0 ? [`WHERE ${conditions.join(" AND ")}`] : []),
    ...(isGrouped && groups.length > 0 ? [`GROUP BY ${groups.join(", ")}`] : []),
  ].join("\n");
}

function selected(place: ViewPlace, table: TableDefinition): string[] {
  const columns = table.columns.map(({ name }) => `  t.${quoted(name)}`).join(",\n");
  return ["SELECT", columns, `FROM ${namedPath({ ...place, name: table.name })} AS t`];
}

function expression({ from, aggregate }: SelectedColumn): string {
  const names = from.map((name) => `t.${quoted(name)}`);
  const value = names.length === 1 ? names.join("") : `COALESCE(${names.join(", ")})`;
  return aggregate === undefined ? value : `${aggregate.toUpperCase()}(${value})`;
}

function literal(value: string | boolean): string {
  if (typeof value === "boolean") return value ? "TRUE" : "FALSE";
  if (!isPlainText(value)) throw refused("a condition of a view must be plain text");
  return `'${value}'`;
}

/** The body of `tables.insert` and `tables.patch` for a view. */
export function viewBody(place: ViewPlace, view: View): Record<string, unknown> {
  return { description: view.description, view: { query: viewSql(place, view), useLegacySql: false } };
}
