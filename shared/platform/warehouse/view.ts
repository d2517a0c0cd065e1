import type { Column, TableDefinition } from "./table.ts";
import { refused } from "./warehouse-errors.ts";

/** What a view shows, as data: BigQuery is given SQL made from it, the embedded warehouse computes it. */
export type View = CurrentView | SelectionView;

/**
 * `<table>_current`, by the kind of its table. State: per key the row of the highest `(version, recorded_at, event_id)`,
 * unless that one is a DELETE. Event: one row per key. Journal: what is published now. Data: rows whose batch and day the
 * journal shows as published. Source: tables.md sections 1 and 3.
 */
export interface CurrentView {
  kind: "current";
  name: string;
  description: string;
  table: TableDefinition;
  /** The journal's own view; for data tables only. */
  published: CurrentView | undefined;
}

/** A selection of columns of one source: no free SQL, no arithmetic. */
export interface SelectionView {
  kind: "selection";
  name: string;
  description: string;
  source: TableDefinition | CurrentView;
  /** Only rows whose columns all equal these. */
  where: readonly { column: string; equals: string | boolean }[];
  /** With an aggregate among them, the columns without one group the rows. */
  columns: readonly SelectedColumn[];
}

export interface SelectedColumn {
  name: string;
  /** Columns of the source; of several the first that is not null. */
  from: readonly string[];
  aggregate: "count" | "min" | undefined;
}

/** The columns of a view with their types. Errors: `BATCH_REFUSED` for a column that the source lacks. */
export function viewColumns(view: View): Column[] {
  const { columns } = baseTable(view);
  if (view.kind === "current") return [...columns];
  return view.columns.map(({ name, from, aggregate }) => {
    const source = columns.find((column) => column.name === from[0]);
    if (source === undefined) throw refused(`view ${view.name}: ${baseTable(view).name} has no column ${from[0]}`);
    const mode = source.mode === "REPEATED" && aggregate !== "count" ? "REPEATED" : "NULLABLE";
    return { ...source, name, mode, type: aggregate === "count" ? "INT64" : source.type };
  });
}

/** The table whose rows the view shows. */
export function baseTable(view: View): TableDefinition {
  if (view.kind === "current") return view.table;
  return view.source.kind === "current" ? view.source.table : view.source;
}

/** What the text of a condition may be, so that no text ends the literal it becomes. */
export function isPlainText(text: string): boolean {
  return /^[A-Za-z0-9_ .:-]{1,100}$/.test(text);
}

/** Raw tables refuse reads that do not say which days. Source: tables.md section 3. */
export function isReadByDay(table: TableDefinition): boolean {
  return table.partition !== undefined && table.name.endsWith("_raw");
}

/** Kinds of journal rows that say what a day is; of `held` rows nothing is published. Source: tables.md section 3. */
export const dayKinds: readonly string[] = ["first_publish", "restatement", "withdrawn"];
