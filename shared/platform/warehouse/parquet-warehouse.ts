import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { AppError } from "#shared/runtime/errors.ts";
import {
  addColumns,
  describeDataset,
  dropDataset,
  dropTable,
  ensureDataset,
  ensureTable,
  finishDrops,
  labelDataset,
} from "./parquet-datasets.ts";
import { parquetLayout } from "./parquet-layout.ts";
import { readRowsByCopy } from "./parquet-read.ts";
import { eraseRows, removeBatches } from "./parquet-removal.ts";
import { ensureView, replaceView } from "./parquet-view-files.ts";
import { readView } from "./parquet-views.ts";
import { writeBatch } from "./parquet-write.ts";
import type { Warehouse } from "./warehouse.ts";

/** Characters that polars reads as patterns or addresses in a path. */
const PATTERN_CHARACTER = /[*?[\]{}]|:\/\//;

/**
 * The embedded warehouse: Parquet files under one folder (tables.md section 5), written aside, synced and renamed.
 * Several processes may share the folder. Errors: `CONFIGURATION_INVALID` when the folder's path has glob characters.
 */
export function parquetWarehouse(options: { folder: string }): Warehouse {
  const folder = resolve(options.folder);
  if (PATTERN_CHARACTER.test(options.folder) || PATTERN_CHARACTER.test(folder)) {
    throw new AppError("CONFIGURATION_INVALID", `the data folder must not contain * ? [ ] { }: ${folder}`);
  }
  mkdirSync(folder, { recursive: true });
  const layout = parquetLayout(folder);
  return {
    ensureDataset: (dataset) => ensureDataset(layout, dataset),
    describeDataset: (datasetId) => describeDataset(layout, datasetId),
    labelDataset: (datasetId, label) => labelDataset(layout, datasetId, label),
    ensureTable: (datasetId, table) => ensureTable(layout, datasetId, table),
    addColumns: (source, names) => addColumns(layout, source, names),
    ensureView: (datasetId, view) => ensureView(layout, datasetId, view),
    replaceView: (datasetId, view) => replaceView(layout, datasetId, view),
    readView: (datasetId, view, columns, days) => readView(layout, { datasetId, view, days }, columns),
    dropTable: async (datasetId, label, tableName) => {
      await finishDrops(layout);
      await dropTable(layout, datasetId, label, tableName);
    },
    dropDataset: async (datasetId, label) => {
      await finishDrops(layout);
      await dropDataset(layout, datasetId, label);
    },
    write: (batch) => writeBatch(layout, batch),
    read: (source, parts, columns) => readRowsByCopy(layout, source, parts, columns),
    remove: (source, batchIds) => removeBatches(layout, source, batchIds),
    eraseOrganization: (source, orgSlug) => eraseRows(layout, source, orgSlug),
  };
}
