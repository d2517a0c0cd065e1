/** What a table is, as data: the same definition makes a BigQuery table and a Parquet layout (`configs/<...>/config.yml`). */
export interface TableDefinition {
  name: string;
  description: string;
  /** state and event tables are history, data tables hold rows of pipelines, journal is `published_batches`. */
  kind: "state" | "event" | "data" | "journal";
  key: readonly string[];
  partition: { field: string; type: "DAY"; expirationDays: number | null } | undefined;
  clustering: readonly string[];
  columns: readonly Column[];
}

export interface Column {
  name: string;
  type: ColumnType;
  mode: "REQUIRED" | "NULLABLE" | "REPEATED";
  description: string;
}

/**
 * In frames and Parquet: Utf8, Int64, Decimal(38,12), Boolean, Date, Datetime(us, UTC), Utf8 holding JSON text, Float64;
 * REPEATED is List(Utf8).
 */
export type ColumnType = "STRING" | "INT64" | "BIGNUMERIC" | "BOOL" | "DATE" | "TIMESTAMP" | "JSON" | "FLOAT64";
