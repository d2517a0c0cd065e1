import { randomUUID } from "node:crypto";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { createText, makeFolder, readText, syncFolder, writeText } from "./durable-files.ts";
import type { ParquetLayout } from "./parquet-layout.ts";
import type { Column, TableDefinition } from "./table.ts";
import type { Dataset, DatasetDescription, TableDescription, TableSource } from "./warehouse.ts";
import { notOurs, refused } from "./warehouse-errors.ts";

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
  return { label: dataset.label, location: dataset.location, tables };
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
  const added = source.table.columns.filter((column) => isNew(stored, column));
  if (added.length === 0) return;
  await writeText(
    layout.tableFile(source),
    JSON.stringify({ ...stored, columns: [...stored.columns, ...added.map(shape)] }),
  );
}

/** Gone for readers at once; a dataset that is not there is no error. */
export async function dropDataset(layout: ParquetLayout, datasetId: string, label: string): Promise<void> {
  const dataset = await readDataset(layout, datasetId);
  if (!dataset) return;
  if (dataset.label !== label) throw notOurs(datasetId);
  const dropped = join(layout.root, `.dropped-${randomUUID()}`);
  await rename(layout.dataset(datasetId), dropped);
  await syncFolder(layout.root);
  await rm(dropped, { recursive: true, force: true });
}

/** Clears what a crash left of a drop. */
export async function finishDrops(layout: ParquetLayout): Promise<void> {
  for (const name of await readdir(layout.root)) {
    if (name.startsWith(".dropped-")) await rm(join(layout.root, name), { recursive: true, force: true });
  }
}

async function readDataset(layout: ParquetLayout, datasetId: string): Promise<Dataset | undefined> {
  const text = await readText(layout.datasetFile(datasetId));
  return text === undefined ? undefined : (JSON.parse(text) as Dataset);
}

function isNew(stored: TableDescription, column: Column): boolean {
  const known = stored.columns.find(({ name }) => name === column.name);
  if (known?.type === column.type && known.mode === column.mode) return false;
  if (known) throw refused(`column ${column.name} is ${known.type} ${known.mode} in the stored table`);
  if (column.mode === "REQUIRED") throw refused(`a new column cannot be REQUIRED: ${column.name}`);
  return true;
}

function descriptionOf(table: TableDefinition): TableDescription {
  return { name: table.name, columns: table.columns.map(shape), partitionField: table.partition?.field };
}

function shape({ name, type, mode }: Column): { name: string; type: string; mode: string } {
  return { name, type, mode };
}
