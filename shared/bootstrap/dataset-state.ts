import { Type } from "@sinclair/typebox";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { datasetViews } from "./dataset-views.ts";
import { isSame, isSufficient, SchemaDiff, schemaDiff } from "./schema-diff.ts";
import type { TableConfig } from "./table-config.ts";

const names = Type.Array(Type.String());

/** What the status of a dataset tells, whoever's it is. */
export const datasetStateFields = {
  dataset_exists: Type.Boolean(),
  tables_expected: Type.Integer(),
  tables_existing: names,
  tables_missing: names,
  schema_diffs: Type.Record(Type.String(), SchemaDiff, { description: "Tables that differ from the configuration" }),
};

/** How a dataset stands against its configuration. Lists are sorted. */
export interface DatasetState {
  isThere: boolean;
  label: string | undefined;
  location: string | undefined;
  /** Tables that are counted. */
  expected: number;
  /** Of those that are counted. */
  existing: string[];
  /** Extension tables too: they are looked after alike. */
  missing: string[];
  /** Tables that the configuration does not name. */
  extra: string[];
  missingViews: string[];
  /** Of every table that exists and differs. */
  diffs: Record<string, SchemaDiff>;
  /** False when something has to be made, added or repaired. */
  isInSync: boolean;
}

export async function datasetState(
  datasetId: string,
  config: TableConfig,
  warehouse: Pick<Warehouse, "describeDataset">,
): Promise<DatasetState> {
  const described = await warehouse.describeDataset(datasetId);
  const stored = new Map(described?.tables.map((table) => [table.name, table]));
  const tables = [...config.tables, ...config.extensionTables];
  const known = new Set(tables.map(({ name }) => name));
  const diffs = tables.flatMap((table) => {
    const description = stored.get(table.name);
    return description === undefined ? [] : [[table.name, schemaDiff(table, description)] as const];
  });
  const missing = [...known].filter((name) => !stored.has(name)).sort();
  const views = new Set(described?.views);
  const missingViews = datasetViews(config)
    .flat()
    .map(({ name }) => name)
    .filter((name) => !views.has(name))
    .sort();
  return {
    isThere: described !== undefined,
    label: described?.label,
    location: described?.location,
    expected: config.tables.length,
    existing: config.tables.flatMap(({ name }) => (stored.has(name) ? [name] : [])).sort(),
    missing,
    extra: [...stored.keys()].filter((name) => !known.has(name)).sort(),
    missingViews,
    diffs: Object.fromEntries(diffs.filter(([, diff]) => !isSame(diff))),
    isInSync: missing.length === 0 && missingViews.length === 0 && diffs.every(([, diff]) => isSufficient(diff)),
  };
}

/** One sentence on a dataset's state. */
export function stateMessage(state: DatasetState): string {
  if (!state.isThere) return "There is no dataset.";
  if (state.isInSync) return "Every table and view is as the configuration wants it.";
  const differing = Object.values(state.diffs).filter((diff) => !isSufficient(diff)).length;
  const parts = [
    `${state.missing.length} tables and ${state.missingViews.length} views are missing`,
    `${differing} tables differ`,
  ];
  return `${parts.join(", ")}; sync adds what can be added.`;
}
