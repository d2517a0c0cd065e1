import { invalid, notFound, RestError } from "./rest-error.ts";
import { type Cell, type Field, restField } from "./stored-values.ts";

export type Row = Map<string, Cell>;

export interface StoredTable {
  tableId: string;
  description: string | undefined;
  fields: Field[];
  partition: { field: string; expirationMs?: string } | undefined;
  clustering: string[] | undefined;
  requirePartitionFilter: boolean;
  rows: Row[];
  /** Of a view: its query, its rows are nowhere. */
  view?: { query: string };
}

interface StoredDataset {
  datasetId: string;
  location: string;
  description: string | undefined;
  labels: Record<string, string>;
  tables: Map<string, StoredTable>;
}

type Body = Record<string, unknown>;

const LABEL_KEY = /^[a-z][a-z0-9_-]{0,62}$/;
const LABEL_VALUE = /^[a-z0-9_-]{0,63}$/;

/** Datasets and tables of the double, with the checks of `datasets.insert` and `tables.insert`. */
export class Catalog {
  readonly datasets = new Map<string, StoredDataset>();

  createDataset(body: Body): StoredDataset {
    const datasetId = String((body["datasetReference"] as Body | undefined)?.["datasetId"] ?? "");
    if (!/^\w{1,1024}$/.test(datasetId)) throw invalid(`Invalid dataset ID "${datasetId}".`);
    if (this.datasets.has(datasetId)) throw new RestError(409, "duplicate", `Already Exists: Dataset ${datasetId}`);
    const dataset = {
      datasetId,
      location: String(body["location"] ?? "US"),
      description: body["description"] as string | undefined,
      labels: checkedLabels(body["labels"]),
      tables: new Map(),
    };
    this.datasets.set(datasetId, dataset);
    return dataset;
  }

  dataset(datasetId: string): StoredDataset {
    const dataset = this.datasets.get(datasetId);
    if (!dataset) throw notFound(`Dataset ${datasetId}`);
    return dataset;
  }

  /** `datasets.patch`: labels are added to those that are there. */
  patchDataset(datasetId: string, body: Body): StoredDataset {
    const dataset = this.dataset(datasetId);
    const patched = { ...dataset, labels: { ...dataset.labels, ...checkedLabels(body["labels"]) } };
    this.datasets.set(datasetId, patched);
    return patched;
  }

  deleteDataset(datasetId: string, deleteContents: boolean): void {
    const dataset = this.dataset(datasetId);
    if (dataset.tables.size > 0 && !deleteContents)
      throw new RestError(400, "resourceInUse", "Dataset is still in use");
    this.datasets.delete(datasetId);
  }

  createTable(datasetId: string, body: Body, viewFields?: Field[]): StoredTable {
    const { tables } = this.dataset(datasetId);
    const tableId = String((body["tableReference"] as Body | undefined)?.["tableId"] ?? body["tableId"] ?? "");
    if (tables.has(tableId)) throw new RestError(409, "duplicate", `Already Exists: Table ${datasetId}.${tableId}`);
    const table = viewFields === undefined ? tableOf(tableId, body) : viewOf(tableId, body, viewFields);
    tables.set(tableId, table);
    return table;
  }

  /** `tables.patch`: another schema, or another query of a view. */
  patchTable(datasetId: string, tableId: string, body: Body, viewFields?: Field[]): StoredTable {
    const table = this.table(datasetId, tableId);
    if ((table.view === undefined) !== (viewFields === undefined)) throw invalid("A table does not become a view");
    const patched =
      viewFields === undefined
        ? { ...table, fields: grownFields(table.fields, fieldsOfSchema(body["schema"])) }
        : viewOf(tableId, body, viewFields);
    this.dataset(datasetId).tables.set(tableId, patched);
    return patched;
  }

  deleteTable(datasetId: string, tableId: string): void {
    this.table(datasetId, tableId);
    this.dataset(datasetId).tables.delete(tableId);
  }

  table(datasetId: string, tableId: string): StoredTable {
    const table = this.dataset(datasetId).tables.get(tableId);
    if (!table) throw notFound(`Table ${datasetId}.${tableId}`);
    return table;
  }
}

/** Source: cloud.google.com/bigquery/docs/labels-intro, requirements. */
export function checkedLabels(labels: unknown): Record<string, string> {
  const entries = Object.entries((labels ?? {}) as Record<string, unknown>);
  for (const [key, value] of entries) {
    if (!LABEL_KEY.test(key) || typeof value !== "string" || !LABEL_VALUE.test(value)) {
      throw invalid(`Label key or value is not valid: ${key}=${String(value)}`);
    }
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

export function datasetResource(projectId: string, dataset: StoredDataset): Body {
  const { datasetId, location, description, labels } = dataset;
  return { kind: "bigquery#dataset", datasetReference: { projectId, datasetId }, location, description, labels };
}

export function tableResource(projectId: string, datasetId: string, table: StoredTable): Body {
  const { tableId, description, fields, partition, clustering, requirePartitionFilter } = table;
  return {
    kind: "bigquery#table",
    tableReference: { projectId, datasetId, tableId },
    description,
    type: table.view === undefined ? "TABLE" : "VIEW",
    schema: { fields },
    ...(table.view && { view: { query: table.view.query, useLegacySql: false } }),
    ...(partition && { timePartitioning: { type: "DAY", ...partition }, requirePartitionFilter }),
    ...(clustering && { clustering: { fields: clustering } }),
    numRows: String(table.rows.length),
  };
}

export function fieldsOfSchema(schema: unknown): Field[] {
  const fields = ((schema as Body | undefined)?.["fields"] ?? []) as Partial<Field>[];
  return fields.map((field) => {
    const stored = restField(field);
    if (!stored) throw invalid(`Invalid field ${String(field.name)} of type ${String(field.type)}`);
    return stored;
  });
}

/** Source: cloud.google.com/bigquery/docs/managing-table-schemas: fields are added NULLABLE or REPEATED, never dropped. */
function grownFields(stored: Field[], given: Field[]): Field[] {
  for (const field of stored) {
    const kept = given.find(({ name }) => name === field.name);
    if (!kept) throw invalid(`Provided Schema does not match Table. Field ${field.name} is missing in new schema`);
    if (kept.type !== field.type || kept.mode !== field.mode)
      throw invalid(`Provided Schema does not match Table. Field ${field.name} has changed type or mode`);
  }
  const names = new Set(given.map(({ name }) => name.toLowerCase()));
  if (names.size !== given.length) throw invalid("A schema needs fields with different names");
  const required = given.slice(stored.length).find(({ mode }) => mode === "REQUIRED");
  if (required) throw invalid(`Cannot add required fields to an existing schema. (field: ${required.name})`);
  return given;
}

/** Source: cloud.google.com/bigquery/docs/views: a query, neither a schema of its own nor partitions nor clusters. */
function viewOf(tableId: string, body: Body, fields: Field[]): StoredTable {
  if (!/^[\w-]{1,1024}$/.test(tableId)) throw invalid(`Invalid table ID "${tableId}".`);
  const view = body["view"] as { query: string; useLegacySql?: boolean };
  const isTable = ["schema", "timePartitioning", "clustering"].some((member) => body[member] !== undefined);
  if (isTable || view.useLegacySql !== false)
    throw invalid("A view has a query in standard SQL and nothing of a table");
  return {
    tableId,
    description: body["description"] as string | undefined,
    fields,
    partition: undefined,
    clustering: undefined,
    requirePartitionFilter: false,
    rows: [],
    view: { query: view.query },
  };
}

function tableOf(tableId: string, body: Body): StoredTable {
  if (!/^[\w-]{1,1024}$/.test(tableId)) throw invalid(`Invalid table ID "${tableId}".`);
  const fields = fieldsOfSchema(body["schema"]);
  const names = new Set(fields.map(({ name }) => name.toLowerCase()));
  if (fields.length === 0 || names.size !== fields.length) throw invalid("A schema needs fields with different names");
  const partition = body["timePartitioning"] as (Body & { field: string }) | undefined;
  const clustering = (body["clustering"] as { fields: string[] } | undefined)?.fields;
  checkPartition(fields, partition);
  checkClustering(fields, clustering);
  return {
    tableId,
    description: body["description"] as string | undefined,
    fields,
    partition: partition && {
      field: partition.field,
      ...(partition["expirationMs"] ? { expirationMs: String(partition["expirationMs"]) } : {}),
    },
    clustering,
    requirePartitionFilter: body["requirePartitionFilter"] === true,
    rows: [],
  };
}

function checkPartition(fields: Field[], partition: { field: string } | undefined): void {
  if (!partition) return;
  const field = fields.find(({ name }) => name === partition.field);
  if (!field || !["DATE", "TIMESTAMP"].includes(field.type) || field.mode === "REPEATED") {
    throw invalid(`The field specified for partitioning cannot be used: ${partition.field}`);
  }
}

function checkClustering(fields: Field[], clustering: string[] | undefined): void {
  if (!clustering) return;
  const usable = clustering.every((name) =>
    fields.some((field) => field.name === name && !["JSON", "FLOAT"].includes(field.type) && field.mode !== "REPEATED"),
  );
  if (clustering.length < 1 || clustering.length > 4 || !usable) throw invalid("The clustering fields cannot be used");
}
