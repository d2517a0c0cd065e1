import { type Static, Type } from "@sinclair/typebox";
import type { Dataset } from "#shared/platform/warehouse/warehouse.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import type { EnsuredTables } from "./ensure-tables.ts";

const names = Type.Array(Type.String());

export const BootstrapRequest = strictObject({
  force_recreate_tables: Type.Optional(
    Type.Boolean({ description: "On development installations only; rows are written again from the document store" }),
  ),
  force_recreate_dataset: Type.Optional(Type.Literal(false)),
});
export type BootstrapRequest = Static<typeof BootstrapRequest>;

export const BootstrapReport = strictObject({
  status: choice(["CREATED", "UNCHANGED", "RECREATED"]),
  dataset: Type.String(),
  location: Type.String(),
  dataset_created: Type.Boolean(),
  total_tables: Type.Integer(),
  created_tables: names,
  existing_tables: names,
  recreated_tables: names,
  extension_tables: names,
  views: names,
  schema_validation: Type.Record(Type.String(), names, { description: "What is wrong with each table, if anything" }),
  tables_created: names,
  tables_existed: names,
  message: Type.String(),
});
export type BootstrapReport = Static<typeof BootstrapReport>;

/** What one bootstrap has found and made. */
export interface Bootstrapped {
  dataset: Dataset;
  datasetCreated: boolean;
  total: number;
  tables: EnsuredTables;
  extensions: EnsuredTables;
  views: EnsuredTables;
  recreated: readonly string[];
  validation: Record<string, string[]>;
}

export function bootstrapReport(made: Bootstrapped): BootstrapReport {
  const { dataset, datasetCreated, tables, extensions, views, total } = made;
  const recreated = tables.created.filter((name) => made.recreated.includes(name));
  const without = (list: readonly string[]): string[] => list.filter((name) => !recreated.includes(name));
  const [created, existing] = [without(tables.created), tables.existing];
  const isNew = datasetCreated || created.length > 0 || extensions.created.length > 0 || views.created.length > 0;
  const status = made.recreated.length > 0 ? "RECREATED" : isNew ? "CREATED" : "UNCHANGED";
  return {
    status,
    dataset: dataset.id,
    location: dataset.location,
    dataset_created: datasetCreated,
    total_tables: total,
    created_tables: created,
    existing_tables: existing,
    recreated_tables: recreated,
    extension_tables: [...extensions.created, ...extensions.existing].sort(),
    views: [...views.created, ...views.existing].sort(),
    schema_validation: made.validation,
    tables_created: created,
    tables_existed: existing,
    message: messageOf(status, { created: created.length, recreated: recreated.length, total }),
  };
}

function messageOf(
  status: BootstrapReport["status"],
  counts: { created: number; recreated: number; total: number },
): string {
  if (status === "UNCHANGED") return "Everything was there already.";
  if (status === "CREATED") return `Created ${counts.created} of ${counts.total} tables.`;
  return `Made ${counts.recreated} tables anew; tables whose rows no document holds were left as they are.`;
}
