import { type Static, Type } from "@sinclair/typebox";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { View } from "#shared/platform/warehouse/view.ts";
import { baseTable } from "#shared/platform/warehouse/view.ts";
import type { Dataset, Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { tableCallsAtOnce, workThrough } from "./at-most.ts";
import { type DatasetState, datasetState } from "./dataset-state.ts";
import { datasetViews, ensureViews, replaceViews } from "./dataset-views.ts";
import { ensureTables, type Failure } from "./ensure-tables.ts";
import type { TableConfig } from "./table-config.ts";

export const SyncRequest = strictObject({
  sync_missing_tables: Type.Optional(Type.Boolean({ description: "Make tables that are missing; true unless said" })),
  sync_missing_columns: Type.Optional(Type.Boolean({ description: "Add columns that are missing" })),
});
export type SyncRequest = Static<typeof SyncRequest>;

/** What one sync has added. Lists are sorted. */
export interface Synced {
  tablesCreated: string[];
  columnsAdded: Record<string, string[]>;
  viewsCreated: string[];
  /** One sentence each: what failed, and what a sync never does. */
  errors: string[];
  /** How the dataset stands afterwards. */
  state: DatasetState;
}

/**
 * Adds what a dataset lacks: tables, NULLABLE or REPEATED columns, views. Nothing is dropped and no type is changed; a
 * difference of that kind is one of the `errors`. Views of tables that gained columns are made anew, and all of them
 * with `recreateViews`.
 */
export async function syncDataset(
  dataset: Pick<Dataset, "id">,
  config: TableConfig,
  asked: SyncRequest & { recreateViews?: boolean },
  warehouse: Warehouse,
): Promise<Synced> {
  const before = await datasetState(dataset.id, config, warehouse);
  const definitions = new Map([...config.tables, ...config.extensionTables].map((table) => [table.name, table]));
  const lacking = before.missing.flatMap((name) => definitions.get(name) ?? []);
  const tables = await ensureTables(dataset, asked.sync_missing_tables === false ? [] : lacking, warehouse);
  const columns =
    asked.sync_missing_columns === true ? await addMissing(dataset, before, definitions, warehouse) : none;
  const groups = datasetViews(config);
  const grown = new Set(Object.keys(columns.added));
  const renewed = (view: View): boolean => asked.recreateViews === true || grown.has(baseTable(view).name);
  const made = await ensureViews(
    dataset,
    standing(groups, (view) => !renewed(view), before, tables.created),
    warehouse,
  );
  const remade = await replaceViews(dataset, standing(groups, renewed, before, tables.created), warehouse);
  const state = await datasetState(dataset.id, config, warehouse);
  const failures = [...tables.failed, ...columns.failed, ...made.failed, ...remade.failed];
  const wasMissing = new Set(before.missingViews);
  return {
    tablesCreated: tables.created,
    columnsAdded: columns.added,
    viewsCreated: [
      ...made.created,
      ...remade.created.filter((name) => asked.recreateViews || wasMissing.has(name)),
    ].sort(),
    errors: [...failures.map(({ table, problem }) => `${table}: ${problem}`), ...never(state, definitions)].sort(),
    state,
  };
}

const none: { added: Record<string, string[]>; failed: Failure[] } = { added: {}, failed: [] };

async function addMissing(
  dataset: Pick<Dataset, "id">,
  state: DatasetState,
  definitions: ReadonlyMap<string, TableDefinition>,
  warehouse: Warehouse,
): Promise<typeof none> {
  const added: Record<string, string[]> = {};
  const failed: Failure[] = [];
  await workThrough(Object.entries(state.diffs), tableCallsAtOnce, async ([name, diff]) => {
    const table = definitions.get(name);
    const addable = (table?.columns ?? []).filter(
      (column) => diff.missing_columns.includes(column.name) && column.mode !== "REQUIRED",
    );
    if (table === undefined || addable.length === 0) return;
    const names = addable.map((column) => column.name);
    try {
      await warehouse.addColumns({ datasetId: dataset.id, table }, names);
      added[name] = names;
    } catch (error) {
      // An outage is not this table's fault: the whole call is repeated.
      if (!isAppError(error) || error.retryable) throw error;
      failed.push({ table: name, problem: error.message });
    }
  });
  return { added, failed };
}

/** The chosen views whose table stands, in their groups. */
function standing(
  groups: readonly View[][],
  isChosen: (view: View) => boolean,
  before: DatasetState,
  created: readonly string[],
): View[][] {
  const absent = new Set(before.missing.filter((name) => !created.includes(name)));
  return groups.map((views) => views.filter((view) => isChosen(view) && !absent.has(baseTable(view).name)));
}

/** What only a new table could change. */
function never(state: DatasetState, definitions: ReadonlyMap<string, TableDefinition>): string[] {
  return Object.entries(state.diffs).flatMap(([name, diff]) => {
    const required = (definitions.get(name)?.columns ?? []).filter(({ mode }) => mode === "REQUIRED");
    const lacking = required.filter((column) => diff.missing_columns.includes(column.name));
    const changed = [...diff.type_mismatches, ...diff.mode_mismatches];
    return [
      ...lacking.map((column) => `column ${column.name} is REQUIRED and cannot be added; it needs a new table`),
      ...changed.map(
        ({ column, expected, actual }) => `column ${column} is ${actual}, not ${expected}; a sync never changes that`,
      ),
      ...(diff.partition_mismatch ? ["is partitioned by another field; a sync never changes that"] : []),
    ].map((problem) => `${name}: ${problem}`);
  });
}
