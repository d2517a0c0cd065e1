import type { BigQuery } from "@google-cloud/bigquery";
import { orMissing, statusOf } from "./bigquery-errors.ts";
import { fieldsOf, type TableResource, tableBody, tableDescription } from "./bigquery-schema.ts";
import { DATASET_LABEL, givenLabel, storedLabel } from "./dataset-label.ts";
import { columnsNamed } from "./frame.ts";
import { newColumns } from "./new-columns.ts";
import type { TableDefinition } from "./table.ts";
import type { Dataset, DatasetDescription, TableDescription, TableSource } from "./warehouse.ts";
import { notOurs, refused } from "./warehouse-errors.ts";
import { checkedName } from "./warehouse-names.ts";

interface DatasetResource {
  location?: string;
  labels?: Record<string, string>;
}

const TABLES_AT_ONCE = 5;

export async function ensureDataset(
  bigquery: BigQuery,
  { id, label, location, description }: Dataset,
): Promise<{ created: boolean; label: string | undefined }> {
  const labels = { [DATASET_LABEL]: storedLabel(label) };
  const created = await unlessThere(() =>
    bigquery.createDataset(checkedName("dataset", id), { location, description, labels }),
  );
  const dataset = await readDataset(bigquery, id);
  return { created, label: labelOf(dataset) };
}

export async function readDataset(bigquery: BigQuery, datasetId: string): Promise<DatasetResource | undefined> {
  return orMissing(async () => {
    const [dataset] = await bigquery.dataset(checkedName("dataset", datasetId)).getMetadata();
    return dataset as DatasetResource;
  });
}

export async function describeDataset(bigquery: BigQuery, datasetId: string): Promise<DatasetDescription | undefined> {
  const dataset = await readDataset(bigquery, datasetId);
  if (!dataset) return undefined;
  const [listed] = await bigquery.dataset(datasetId).getTables();
  const namesOf = (kind: (type: unknown) => boolean): string[] =>
    listed.flatMap(({ id, metadata }) => (kind((metadata as { type?: unknown })?.type) ? [id ?? ""] : [])).sort();
  const names = namesOf((type) => type !== "VIEW");
  const tables: TableDescription[] = [];
  for (let start = 0; start < names.length; start += TABLES_AT_ONCE) {
    const described = names
      .slice(start, start + TABLES_AT_ONCE)
      .map((name) => describeTable(bigquery, datasetId, name));
    tables.push(...(await Promise.all(described)).filter((table) => table !== undefined));
  }
  return {
    label: labelOf(dataset),
    location: dataset.location ?? "",
    tables,
    views: namesOf((type) => type === "VIEW"),
  };
}

/** Undefined when there is no such table. */
export async function describeTable(
  bigquery: BigQuery,
  datasetId: string,
  name: string,
): Promise<TableDescription | undefined> {
  return orMissing(async () => {
    const [resource] = await bigquery.dataset(datasetId).table(name).getMetadata();
    return tableDescription(name, resource as TableResource);
  });
}

export async function ensureTable(
  bigquery: BigQuery,
  datasetId: string,
  table: TableDefinition,
): Promise<{ created: boolean }> {
  const dataset = bigquery.dataset(checkedName("dataset", datasetId));
  const body = tableBody(table);
  return { created: await unlessThere(() => dataset.createTable(checkedName("table", table.name), body)) };
}

/** Its other labels stay. Errors: `BATCH_REFUSED` when there is no such dataset. */
export async function labelDataset(bigquery: BigQuery, datasetId: string, label: string): Promise<void> {
  if (!(await readDataset(bigquery, datasetId))) throw refused(`there is no dataset ${datasetId}`);
  await bigquery.dataset(datasetId).setMetadata({ labels: { [DATASET_LABEL]: storedLabel(label) } });
}

/** A dataset that is not there is no error. */
export async function dropDataset(bigquery: BigQuery, datasetId: string, label: string): Promise<void> {
  const dataset = await readDataset(bigquery, datasetId);
  if (!dataset) return;
  if (labelOf(dataset) !== label) throw notOurs(datasetId);
  await orMissing(() => bigquery.dataset(datasetId).delete({ force: true }));
}

/** A table that is not there is no error. */
export async function dropTable(
  bigquery: BigQuery,
  datasetId: string,
  label: string,
  tableName: string,
): Promise<void> {
  const dataset = await readDataset(bigquery, datasetId);
  if (!dataset) return;
  if (labelOf(dataset) !== label) throw notOurs(datasetId);
  await orMissing(() => bigquery.dataset(datasetId).table(checkedName("table", tableName)).delete());
}

/**
 * Columns can only be added by giving the whole schema. The service refuses one that lacks a column, so of two at once
 * the later fails and no column is lost. Errors: `BATCH_REFUSED`.
 */
export async function addColumns(
  bigquery: BigQuery,
  { datasetId, table }: TableSource,
  names: readonly string[],
): Promise<void> {
  const handle = bigquery.dataset(checkedName("dataset", datasetId)).table(checkedName("table", table.name));
  const stored = await orMissing(async () => (await handle.getMetadata())[0] as TableResource);
  if (!stored) throw refused(`there is no table ${table.name} in ${datasetId}`);
  const added = newColumns(tableDescription(table.name, stored), columnsNamed(table, names));
  if (added.length === 0) return;
  const fields = [...(stored.schema?.fields ?? []), ...fieldsOf({ ...table, columns: added })];
  await handle.setMetadata({ schema: { fields } });
}

function labelOf(dataset: DatasetResource | undefined): string | undefined {
  return givenLabel(dataset?.labels?.[DATASET_LABEL]);
}

/** False where it was there already. */
export async function unlessThere(create: () => Promise<unknown>): Promise<boolean> {
  try {
    await create();
    return true;
  } catch (error) {
    if (statusOf(error) === 409) return false;
    throw error;
  }
}
