import type { DataFrame } from "nodejs-polars";
import type { TableDefinition } from "./table.ts";
import type { View } from "./view.ts";

/**
 * The port of analytics rows. Rows are never changed: a batch is written once under its id, and a read names the
 * batches and days it wants. Errors: `BATCH_CONFLICT` (same id, other rows), `BATCH_REFUSED` (schema, permanent),
 * `WAREHOUSE_UNAVAILABLE` (retryable).
 */
export interface Warehouse {
  /** Never changes an existing dataset; its label is answered so that the caller can refuse a foreign one. */
  ensureDataset(dataset: Dataset): Promise<{ created: boolean; label: string | undefined }>;
  describeDataset(datasetId: string): Promise<DatasetDescription | undefined>;
  /** Gives an existing dataset this label and changes nothing else of it. Refuses (`BATCH_REFUSED`) when there is none. */
  labelDataset(datasetId: string, label: string): Promise<void>;
  /** Creates what is missing and never alters what exists. */
  ensureTable(datasetId: string, table: TableDefinition): Promise<{ created: boolean }>;
  /**
   * Adds named columns of the definition to the stored table; one that it has is left as it is. Refuses
   * (`BATCH_REFUSED`) REQUIRED ones, and a name that the table has with another type or mode.
   */
  addColumns(source: TableSource, columns: readonly string[]): Promise<void>;
  /** Creates what is missing and never alters what exists; the tables of the view must be there. */
  ensureView(datasetId: string, view: View): Promise<{ created: boolean }>;
  /** Puts the definition in the place of whatever the view was: a view holds no rows. */
  replaceView(datasetId: string, view: View): Promise<void>;
  /**
   * Rows of a view that was made, of those days of its table's partition field if any are named. Names and types as
   * `viewColumns`. Refused without days for tables that are read by day (`isReadByDay`).
   */
  readView(datasetId: string, view: View, columns: readonly string[], days?: DayRange): Promise<DataFrame>;
  /** Rows and all, for development only. Refuses (`DATASET_NOT_OURS`) when the dataset's label differs. */
  dropTable(datasetId: string, label: string, tableName: string): Promise<void>;
  /** Refuses (`DATASET_NOT_OURS`) when the label differs. */
  dropDataset(datasetId: string, label: string): Promise<void>;
  /** A second write of the same id with the same rows is a no-op, also at the same time or after a crash. */
  write(batch: Batch): Promise<void>;
  /**
   * Rows whose batch **and** day match one of the pairs. Columns come back in the asked order with the types of the
   * definition; a column the stored file lacks is null.
   */
  read(source: TableSource, parts: readonly BatchDays[], columns: readonly string[]): Promise<DataFrame>;
  remove(source: TableSource, batchIds: readonly string[]): Promise<void>;
  /** Removes one organization's rows from a table shared by all. */
  eraseOrganization(source: TableSource, orgSlug: string): Promise<void>;
}

export interface Dataset {
  id: string;
  /** `ca_org_id`, or `platform`. */
  label: string;
  location: string;
  description: string;
}

export interface DatasetDescription {
  label: string | undefined;
  location: string;
  tables: TableDescription[];
  /** Names, sorted. */
  views: string[];
}

export interface TableDescription {
  name: string;
  columns: { name: string; type: string; mode: string }[];
  partitionField: string | undefined;
}

export interface TableSource {
  datasetId: string;
  table: TableDefinition;
}

export interface Batch {
  datasetId: string;
  table: TableDefinition;
  /** `^[A-Za-z0-9_-]{1,200}$`, deterministic. */
  batchId: string;
  /** Hex SHA-256 of the rows' canonical text: what "the same rows" means. */
  contentHash: string;
  /** All columns of the definition, types as `table.ts` says. */
  rows: DataFrame;
}

/** UTC days `YYYY-MM-DD`, both included. */
export interface DayRange {
  first: string;
  last: string;
}

export interface BatchDays {
  batchId: string;
  /** UTC days `YYYY-MM-DD`. */
  days: readonly string[];
}
