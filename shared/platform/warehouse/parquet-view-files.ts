import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { createText, isErrno, makeFolder, readText, writeText } from "./durable-files.ts";
import type { ParquetLayout } from "./parquet-layout.ts";
import { baseTable, type View, viewColumns } from "./view.ts";
import { refused } from "./warehouse-errors.ts";
import { checkedName } from "./warehouse-names.ts";

/** Notes that the view exists; its rows are computed when it is read. */
export async function ensureView(layout: ParquetLayout, datasetId: string, view: View): Promise<{ created: boolean }> {
  if (await isThere(layout, datasetId, view.name)) return { created: false };
  const text = await viewText(layout, datasetId, view);
  await makeFolder(viewFolder(layout, datasetId));
  return { created: await createText(viewFile(layout, datasetId, view.name), text) };
}

export async function replaceView(layout: ParquetLayout, datasetId: string, view: View): Promise<void> {
  const text = await viewText(layout, datasetId, view);
  await makeFolder(viewFolder(layout, datasetId));
  await writeText(viewFile(layout, datasetId, view.name), text);
}

export async function isThere(layout: ParquetLayout, datasetId: string, name: string): Promise<boolean> {
  return (await readText(viewFile(layout, datasetId, name))) !== undefined;
}

export async function viewNames(layout: ParquetLayout, datasetId: string): Promise<string[]> {
  try {
    const files = await readdir(viewFolder(layout, datasetId));
    return files.flatMap((name) => (name.endsWith(".json") ? [basename(name, ".json")] : [])).sort();
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/** What a view is made of must be there, as BigQuery demands it. */
async function viewText(layout: ParquetLayout, datasetId: string, view: View): Promise<string> {
  const table = baseTable(view);
  if ((await readText(layout.tableFile({ datasetId, table }))) === undefined)
    throw refused(`there is no table ${table.name} in ${datasetId}`);
  const below = view.kind === "current" ? view.published : view.source;
  const isMissing = below?.kind === "current" && !(await isThere(layout, datasetId, below.name));
  if (isMissing) throw refused(`there is no view ${below.name} in ${datasetId}`);
  const columns = viewColumns(view).map(({ name, type, mode }) => ({ name, type, mode }));
  return JSON.stringify({ name: view.name, description: view.description, columns });
}

/** Its name begins as no table's does. */
function viewFolder(layout: ParquetLayout, datasetId: string): string {
  return join(layout.dataset(datasetId), "_views");
}

function viewFile(layout: ParquetLayout, datasetId: string, name: string): string {
  return join(viewFolder(layout, datasetId), `${checkedName("table", name)}.json`);
}
