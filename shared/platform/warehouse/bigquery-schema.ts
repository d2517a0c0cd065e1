import type { Column, TableDefinition } from "./table.ts";
import { isReadByDay } from "./view.ts";
import type { TableDescription } from "./warehouse.ts";

interface FieldResource {
  name: string;
  type: string;
  mode: string;
  description?: string;
}

/** A table as the REST resource describes it; only the members used. */
export interface TableResource {
  schema?: { fields?: { name?: string; type?: string; mode?: string }[] };
  timePartitioning?: { field?: string };
}

/** REST answers the older names of some types. */
const TYPE_OF_REST: Record<string, string> = { INTEGER: "INT64", BOOLEAN: "BOOL", FLOAT: "FLOAT64" };

export function fieldsOf(table: TableDefinition): FieldResource[] {
  return table.columns.map(({ name, type, mode, description }: Column) => ({ name, type, mode, description }));
}

/** The body of `tables.insert`. Raw tables refuse queries without a partition predicate. Source: tables.md section 3. */
export function tableBody(table: TableDefinition): Record<string, unknown> {
  const { partition } = table;
  const expiration = partition?.expirationDays ?? null;
  return {
    description: table.description,
    schema: { fields: fieldsOf(table) },
    ...(partition && {
      timePartitioning: {
        type: partition.type,
        field: partition.field,
        ...(expiration !== null && { expirationMs: String(expiration * 86_400_000) }),
      },
      requirePartitionFilter: isReadByDay(table),
    }),
    ...(table.clustering.length > 0 && { clustering: { fields: [...table.clustering] } }),
  };
}

export function tableDescription(name: string, resource: TableResource): TableDescription {
  const columns = (resource.schema?.fields ?? []).map((field) => ({
    name: field.name ?? "",
    type: TYPE_OF_REST[field.type ?? ""] ?? field.type ?? "",
    mode: field.mode ?? "NULLABLE",
  }));
  return { name, columns, partitionField: resource.timePartitioning?.field };
}
