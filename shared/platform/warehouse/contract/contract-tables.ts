import type { Column, ColumnType, TableDefinition } from "../table.ts";

/** Tables for the contract suite of warehouses: every type, and the shapes that `configs/` uses. */

export const EVERY_TYPE = table("every_type_daily_raw", {
  partition: "usage_date",
  clustering: ["x_batch_id", "provider"],
  columns: [
    column("usage_date", "DATE", "REQUIRED"),
    column("provider", "STRING", "REQUIRED"),
    column("note", "STRING"),
    column("seats", "INT64"),
    column("cost", "BIGNUMERIC", "REQUIRED"),
    column("credit", "BIGNUMERIC"),
    column("is_final", "BOOL"),
    column("billed_until", "DATE"),
    column("observed_at", "TIMESTAMP"),
    column("labels", "JSON"),
    column("share", "FLOAT64"),
    column("tags", "STRING", "REPEATED"),
    column("x_org_slug", "STRING", "REQUIRED"),
    column("x_batch_id", "STRING", "REQUIRED"),
  ],
});

/** Like `cost_data_standard`: capitals in names, four clustering columns, no partition filter required. */
export const STANDARD = table("cost_standard", {
  partition: "x_charge_date",
  clustering: ["x_batch_id", "ServiceProviderName", "ServiceCategory", "SubAccountId"],
  columns: [
    column("BilledCost", "BIGNUMERIC", "REQUIRED"),
    column("ServiceProviderName", "STRING", "REQUIRED"),
    column("ServiceCategory", "STRING", "REQUIRED"),
    column("SubAccountId", "STRING"),
    column("x_charge_date", "DATE", "REQUIRED"),
    column("x_row_id", "STRING", "REQUIRED"),
    column("x_org_slug", "STRING", "REQUIRED"),
    column("x_batch_id", "STRING", "REQUIRED"),
  ],
});

/** The same of a later release: two more columns. */
export const NEWER_STANDARD = {
  ...STANDARD,
  columns: [...STANDARD.columns, column("x_credit", "BIGNUMERIC"), column("x_groups", "STRING", "REPEATED")],
};

/** Partitioned by an instant. */
export const BY_INSTANT = table("samples_raw", {
  partition: "sampled_at",
  clustering: ["x_batch_id"],
  columns: [
    column("sampled_at", "TIMESTAMP", "REQUIRED"),
    column("quantity", "BIGNUMERIC", "REQUIRED"),
    column("x_batch_id", "STRING", "REQUIRED"),
  ],
});

export const UNPARTITIONED = table("small_list", {
  partition: undefined,
  clustering: [],
  columns: [column("name", "STRING", "REQUIRED"), column("x_batch_id", "STRING", "REQUIRED")],
});

/** A history table shared by all organizations: its rows do not name their batch. */
export const HISTORY: TableDefinition = {
  ...table("org_events", {
    partition: "created_at",
    clustering: ["org_slug"],
    columns: [
      column("event_id", "STRING", "REQUIRED"),
      column("org_slug", "STRING", "REQUIRED"),
      column("created_at", "TIMESTAMP", "REQUIRED"),
    ],
  }),
  kind: "event",
};

export function table(
  name: string,
  shape: { partition: string | undefined; clustering: string[]; columns: Column[] },
): TableDefinition {
  const partition = shape.partition === undefined ? undefined : partitionBy(shape.partition);
  return { name, description: `${name} of the contract suite`, kind: "data", key: [], ...shape, partition };
}

function partitionBy(field: string): TableDefinition["partition"] {
  return { field, type: "DAY", expirationDays: null };
}

export function column(name: string, type: ColumnType, mode: Column["mode"] = "NULLABLE"): Column {
  return { name, type, mode, description: `${name} in the contract suite` };
}
