import { randomUUID } from "node:crypto";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { createText, makeFolder, readText, syncFolder, writeText } from "./durable-files.ts";
import { columnsNamed } from "./frame.ts";
import { newColumns } from "./new-columns.ts";
import type { ParquetLayout } from "./parquet-layout.ts";
import { viewNames } from "./parquet-view-files.ts";
import type { Column, TableDefinition } from "./table.ts";
import type { Dataset, DatasetDescription, TableDescription, TableSource } from "./warehouse.ts";
import { notOurs, refused } from "./warehouse-errors.ts";
import { checkedName } from "./warehouse-names.ts";

export async function ensureDataset(
  layout: ParquetLayout,
  dataset: Dataset,
): Promise<{ created: boolean; label: string | undefined }> {
  await makeFolder(layout.dataset(dataset.id));
  const created = await createText(layout.datasetFile(dataset.id), JSON.stringify(dataset));
  return { created, label: (await readDataset(layout, dataset.id))?.label };
}

export async function describeDataset(
  layout: ParquetLayout,
  datasetId: string,
): Promise<DatasetDescription | undefined> {
  const dataset = await readDataset(layout, datasetId);
  if (!dataset) return undefined;
  const entries = await readdir(layout.dataset(datasetId), { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const files = await Promise.all(
    names.sort().map((name) => readText(join(layout.dataset(datasetId), name, "_table.json"))),
  );
  const tables = files.filter((text) => text !== undefined).map((text) => JSON.parse(text) as TableDescription);
  return { label: dataset.label, location: dataset.location, tables, views: await viewNames(layout, datasetId) };
}

/** Errors: `BATCH_REFUSED` when there is no such dataset. */
export async function labelDataset(layout: ParquetLayout, datasetId: string, label: string): Promise<void> {
  const dataset = await readDataset(layout, datasetId);
  if (!dataset) throw refused(`there is no dataset ${datasetId}`);
  await writeText(layout.datasetFile(datasetId), JSON.stringify({ ...dataset, label }));
}

export async function ensureTable(
  layout: ParquetLayout,
  datasetId: string,
  table: TableDefinition,
): Promise<{ created: boolean }> {
  if (!(await readDataset(layout, datasetId))) throw refused(`there is no dataset ${datasetId}`);
  const source = { datasetId, table };
  await makeFolder(layout.batches(source));
  await makeFolder(layout.asides(source));
  return { created: await createText(layout.tableFile(source), JSON.stringify(descriptionOf(table))) };
}

/**
 * Adds the columns that the definition has and the stored table lacks.
 * Errors: `BATCH_REFUSED` when the table is missing, a new column is REQUIRED, or a column has another type or mode.
 */
export async function growTable(layout: ParquetLayout, source: TableSource): Promise<void> {
  const text = await readText(layout.tableFile(source));
  if (text === undefined) throw refused(`there is no table ${source.table.name} in ${source.datasetId}`);
  const stored = JSON.parse(text) as TableDescription;
  const added = newColumns(stored, source.table.columns);
  if (added.length === 0) return;
  await writeText(
    layout.tableFile(source),
    JSON.stringify({ ...stored, columns: [...stored.columns, ...added.map(shape)] }),
  );
}

/** Adds the named columns of the definition that the stored table lacks. Errors: `BATCH_REFUSED`. */
export async function addColumns(layout: ParquetLayout, source: TableSource, names: readonly string[]): Promise<void> {
  const named = columnsNamed(source.table, names);
  await growTable(layout, { ...source, table: { ...source.table, columns: named } });
}

/** Gone for readers at once; a table that is not there is no error. */
export async function dropTable(
  layout: ParquetLayout,
  datasetId: string,
  label: string,
  tableName: string,
): Promise<void> {
  const dataset = await readDataset(layout, datasetId);
  if (!dataset) return;
  if (dataset.label !== label) throw notOurs(datasetId);
  const folder = join(layout.dataset(datasetId), checkedName("table", tableName));
  if ((await readText(join(folder, "_table.json"))) === undefined) return;
  await moveAway(layout, folder);
}

/** Gone for readers at once; a dataset that is not there is no error. */
export async function dropDataset(layout: ParquetLayout, datasetId: string, label: string): Promise<void> {
  const dataset = await readDataset(layout, datasetId);
  if (!dataset) return;
  if (dataset.label !== label) throw notOurs(datasetId);
  await moveAway(layout, layout.dataset(datasetId));
}

/** Clears what a crash left of a drop. */
export async function finishDrops(layout: ParquetLayout): Promise<void> {
  for (const name of await readdir(layout.root)) {
    if (name.startsWith(".dropped-")) await rm(join(layout.root, name), { recursive: true, force: true });
  }
}

async function moveAway(layout: ParquetLayout, folder: string): Promise<void> {
  const dropped = join(layout.root, `.dropped-${randomUUID()}`);
  await rename(folder, dropped);
  await syncFolder(layout.root);
  await rm(dropped, { recursive: true, force: true });
}

async function readDataset(layout: ParquetLayout, datasetId: string): Promise<Dataset | undefined> {
  const text = await readText(layout.datasetFile(datasetId));
  return text === undefined ? undefined : (JSON.parse(text) as Dataset);
}

function descriptionOf(table: TableDefinition): TableDescription {
  return { name: table.name, columns: table.columns.map(shape), partitionField: table.partition?.field };
}

function shape({ name, type, mode }: Column): { name: string; type: string; mode: string } {
  return { name, type, mode };
}
