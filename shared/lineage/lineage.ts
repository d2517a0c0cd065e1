import type { Column } from "#shared/platform/warehouse/table.ts";

/**
 * Where a row of a data table comes from: the block that ends each of them. Days are UTC `YYYY-MM-DD`, instants
 * ISO 8601 UTC of at most microseconds. Source: tables.md 3.
 */
export interface Lineage {
  x_org_slug: string;
  x_pipeline_id: string;
  /** `none` when the pipeline has none. */
  x_credential_id: string;
  /** The credential, or `credential/part`. */
  x_source: string;
  x_pipeline_run_date: string;
  x_run_id: string;
  x_batch_id: string;
  x_source_record_id: string;
  x_observed_at: string;
  x_ingested_at: string;
  x_ingestion_date: string;
  /** Null reads as prod. */
  x_environment: string | null;
  x_simulated: boolean;
}

/** Name, type and mode every data table must give the block; the schema files carry the descriptions. */
export const lineageColumns: readonly (Omit<Column, "description"> & { name: keyof Lineage })[] = [
  { name: "x_org_slug", type: "STRING", mode: "REQUIRED" },
  { name: "x_pipeline_id", type: "STRING", mode: "REQUIRED" },
  { name: "x_credential_id", type: "STRING", mode: "REQUIRED" },
  { name: "x_source", type: "STRING", mode: "REQUIRED" },
  { name: "x_pipeline_run_date", type: "DATE", mode: "REQUIRED" },
  { name: "x_run_id", type: "STRING", mode: "REQUIRED" },
  { name: "x_batch_id", type: "STRING", mode: "REQUIRED" },
  { name: "x_source_record_id", type: "STRING", mode: "REQUIRED" },
  { name: "x_observed_at", type: "TIMESTAMP", mode: "REQUIRED" },
  { name: "x_ingested_at", type: "TIMESTAMP", mode: "REQUIRED" },
  { name: "x_ingestion_date", type: "DATE", mode: "REQUIRED" },
  { name: "x_environment", type: "STRING", mode: "NULLABLE" },
  { name: "x_simulated", type: "BOOL", mode: "REQUIRED" },
];

const names: ReadonlySet<string> = new Set(lineageColumns.map(({ name }) => name));

/** True for the thirteen columns of the block, not for every `x_` column. */
export function isLineageColumn(name: string): name is keyof Lineage {
  return names.has(name);
}
