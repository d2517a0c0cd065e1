import type { BigQuery, BigQueryOptions } from "@google-cloud/bigquery";
import { checkBatch, checkSource, organizationColumn } from "./batch-check.ts";
import {
  addColumns,
  describeDataset,
  describeTable,
  dropDataset,
  dropTable,
  ensureDataset,
  ensureTable,
  labelDataset,
  readDataset,
} from "./bigquery-datasets.ts";
import { inPortTerms } from "./bigquery-errors.ts";
import { type LoadPace, loadOnce } from "./bigquery-load.ts";
import { execute } from "./bigquery-query.ts";
import { readRows, refuseWithoutBatches } from "./bigquery-read.ts";
import { eraseStatement, removeStatement } from "./bigquery-sql.ts";
import { ensureView, readView, replaceView } from "./bigquery-views.ts";
import type { TableSource, Warehouse } from "./warehouse.ts";
import { refused } from "./warehouse-errors.ts";
import { checkedName } from "./warehouse-names.ts";

interface BigQueryWarehouseOptions {
  projectId: string;
  /** Default location of the client; datasets keep their own. */
  location?: string;
  /** Another address of the service, for tests. */
  apiEndpoint?: string;
  /** Without one, the application default credentials. */
  authClient?: NonNullable<BigQueryOptions["authClient"]>;
  pace?: Partial<LoadPace>;
}

const PACE: LoadPace = { firstPoll: 200, longestPoll: 3_000, pause: 2_000, giveUp: 400_000 };

/**
 * The warehouse on BigQuery: a batch is one load job, a read one query by (batch, day) pairs. Tables that are not of
 * kind `data` do not name their batches: they can be written and erased, but not read or removed by batch. Retries are
 * the caller's. Errors: the port's, and `WAREHOUSE_LOAD_REJECTED` after five failed load jobs of one batch.
 */
export function bigqueryWarehouse(options: BigQueryWarehouseOptions): Warehouse {
  const { projectId } = options;
  const client = lazyClient(options);
  const locations = new Map<string, string>();
  const columns = new Map<string, ReadonlySet<string>>();
  const pace = { ...PACE, ...options.pace };

  async function placeOf(datasetId: string) {
    const bigquery = await client();
    const location = locations.get(datasetId) ?? (await readDataset(bigquery, datasetId))?.location;
    if (location === undefined) throw refused(`there is no dataset ${datasetId}`);
    locations.set(datasetId, location);
    return { bigquery, projectId, location };
  }

  /** Columns are never dropped, so only a name not yet known is worth another look. */
  async function storedColumns({ datasetId, table }: TableSource, wanted: readonly string[]) {
    const key = `${datasetId}.${table.name}`;
    const known = columns.get(key);
    if (known && wanted.every((name) => known.has(name))) return known;
    const description = await describeTable(await client(), datasetId, table.name);
    if (!description) throw refused(`there is no table ${table.name} in ${datasetId}`);
    const names = new Set(description.columns.map(({ name }) => name));
    columns.set(key, names);
    return names;
  }

  function forget(datasetId: string): void {
    locations.delete(datasetId);
    for (const key of columns.keys()) if (key.startsWith(`${datasetId}.`)) columns.delete(key);
  }

  return {
    ensureDataset: (dataset) => inPortTerms("make a dataset", async () => ensureDataset(await client(), dataset)),
    describeDataset: (id) => inPortTerms("describe a dataset", async () => describeDataset(await client(), id)),
    labelDataset: (id, label) => inPortTerms("label a dataset", async () => labelDataset(await client(), id, label)),
    ensureTable: (id, table) => inPortTerms("make a table", async () => ensureTable(await client(), id, table)),
    addColumns: (source, names) => inPortTerms("add columns", async () => addColumns(await client(), source, names)),
    ensureView: (datasetId, view) =>
      inPortTerms("make a view", async () => ensureView({ bigquery: await client(), projectId }, datasetId, view)),
    replaceView: (datasetId, view) =>
      inPortTerms("make a view", async () => replaceView({ bigquery: await client(), projectId }, datasetId, view)),
    readView: (datasetId, view, names, days) =>
      inPortTerms("read a view", async () =>
        readView(await placeOf(checkedName("dataset", datasetId)), { datasetId, view, days }, names),
      ),
    dropTable: async (datasetId, label, tableName) => {
      columns.delete(`${datasetId}.${tableName}`);
      await inPortTerms("drop a table", async () => dropTable(await client(), datasetId, label, tableName));
    },
    dropDataset: async (datasetId, label) => {
      forget(datasetId);
      await inPortTerms("drop a dataset", async () => dropDataset(await client(), datasetId, label));
    },
    write: (batch) =>
      inPortTerms("load a batch", async () => {
        checkBatch(batch);
        if (batch.rows.height > 0) await loadOnce({ ...(await placeOf(batch.datasetId)), pace }, batch);
      }),
    read: (source, parts, names) =>
      inPortTerms("read rows", async () => {
        checkSource(source);
        const place = { ...(await placeOf(source.datasetId)), storedColumns: await storedColumns(source, names) };
        return readRows(place, source, parts, names);
      }),
    remove: (source, batchIds) =>
      inPortTerms("remove batches", async () => {
        refuseWithoutBatches(source.table);
        for (const batchId of batchIds) checkedName("batch", batchId);
        const place = await placeOf(source.datasetId);
        if (batchIds.length > 0)
          await execute(place.bigquery, removeStatement({ ...place, ...source }, batchIds), place.location);
      }),
    eraseOrganization: (source, orgSlug) =>
      inPortTerms("erase an organization", async () => {
        const place = await placeOf(source.datasetId);
        const statement = eraseStatement({ ...place, ...source }, organizationColumn(source.table), orgSlug);
        await execute(place.bigquery, statement, place.location);
      }),
  };
}

/** The package costs 60 ms to import: only who uses the warehouse pays. */
function lazyClient({ pace: _pace, ...options }: BigQueryWarehouseOptions): () => Promise<BigQuery> {
  let client: Promise<BigQuery> | undefined;
  return () => {
    // A CommonJS package in a bundle has no names but `default`.
    client ??= import("@google-cloud/bigquery").then(
      ({ default: { BigQuery } }) => new BigQuery({ ...options, autoRetry: false }),
    );
    return client;
  };
}
