import type { BigQuery } from "@google-cloud/bigquery";
import pl, { type DataFrame } from "nodejs-polars";
import { describeTable, unlessThere } from "./bigquery-datasets.ts";
import { pagesOf } from "./bigquery-query.ts";
import { frameOfPage } from "./bigquery-read.ts";
import { readViewStatement } from "./bigquery-sql.ts";
import { viewBody } from "./bigquery-view-sql.ts";
import { emptyFrame } from "./frame.ts";
import type { Column } from "./table.ts";
import { baseTable, type SelectionView, type View } from "./view.ts";
import { askedColumns, checkDays, withColumns } from "./view-check.ts";
import type { DayRange } from "./warehouse.ts";
import { refused } from "./warehouse-errors.ts";
import { checkedName } from "./warehouse-names.ts";

interface Place {
  bigquery: BigQuery;
  projectId: string;
}

export async function ensureView(place: Place, datasetId: string, view: View): Promise<{ created: boolean }> {
  if (await describeTable(place.bigquery, datasetId, checkedName("table", view.name))) return { created: false };
  const body = await bodyOf(place, datasetId, view);
  const dataset = place.bigquery.dataset(datasetId);
  return { created: await unlessThere(() => dataset.createTable(view.name, body)) };
}

export async function replaceView(place: Place, datasetId: string, view: View): Promise<void> {
  if ((await ensureView(place, datasetId, view)).created) return;
  const body = await bodyOf(place, datasetId, view);
  await place.bigquery.dataset(datasetId).table(view.name).setMetadata(body);
}

/** A column that the stored view lacks is null. */
export async function readView(
  place: Place & { location: string },
  source: { datasetId: string; view: View; days: DayRange | undefined },
  names: readonly string[],
): Promise<DataFrame> {
  const { datasetId, view, days } = source;
  const columns = askedColumns(view, names);
  checkDays(view, days);
  const stored = await storedNames(place.bigquery, datasetId, view.name);
  const selected = columns.filter(({ name }) => stored.has(name));
  if (selected.length === 0) throw refused(`view ${view.name} has none of the columns: make it anew`);
  const statement = readViewStatement({ ...place, datasetId, view }, selected, days);
  const frames: DataFrame[] = [];
  for await (const rows of pagesOf(place.bigquery, statement, place.location))
    frames.push(frameOfPage(columns, selected, rows));
  return frames.length === 0 ? emptyFrame(columns) : pl.concat(frames);
}

/** The view without columns that its source does not have yet: it would not be taken with them. */
async function bodyOf({ bigquery, projectId }: Place, datasetId: string, view: View): Promise<Record<string, unknown>> {
  const source = view.kind === "current" ? view.table : view.source;
  const stored = await storedNames(bigquery, datasetId, source.name);
  const isStored = ({ name }: Column): boolean => stored.has(name);
  if (view.kind === "selection") return viewBody({ projectId, datasetId }, selectable(view, stored));
  return viewBody({ projectId, datasetId }, withColumns(view, baseTable(view).columns.filter(isStored)));
}

function selectable(view: SelectionView, stored: ReadonlySet<string>): SelectionView {
  return { ...view, columns: view.columns.filter(({ from }) => from.every((name) => stored.has(name))) };
}

async function storedNames(bigquery: BigQuery, datasetId: string, name: string): Promise<ReadonlySet<string>> {
  const described = await describeTable(bigquery, datasetId, checkedName("table", name));
  if (!described) throw refused(`there is no table or view ${name} in ${datasetId}`);
  return new Set(described.columns.map((column) => column.name));
}
