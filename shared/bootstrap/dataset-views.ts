import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { CurrentView, View } from "#shared/platform/warehouse/view.ts";
import type { Dataset, Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { type EnsuredTables, ensureEach } from "./ensure-tables.ts";
import type { TableConfig } from "./table-config.ts";

/**
 * The views of a dataset in groups: a view reads only views of earlier groups. First what is published now, then
 * `<table>_current` of every other table, then those that have a file.
 */
export function datasetViews(config: TableConfig): View[][] {
  const tables = [...config.tables, ...config.extensionTables];
  const journal = tables.find(({ kind }) => kind === "journal");
  const published = journal && currentOf(journal, undefined);
  const currents = tables
    .filter(({ kind }) => kind !== "journal")
    .map((table) => currentOf(table, table.kind === "data" ? published : undefined));
  const sources = new Map<string, TableDefinition | CurrentView>(
    [...tables, ...currents, ...(published ? [published] : [])].map((source) => [source.name, source]),
  );
  const selections = config.views.map((view): View => {
    const source = sources.get(view.source);
    if (source === undefined) throw new Error(`view ${view.name} reads ${view.source}, which the rules let pass`);
    return { ...view, kind: "selection", source };
  });
  return [published ? [published] : [], currents, selections];
}

/** Creates the views that are missing; their tables must stand. */
export function ensureViews(
  dataset: Pick<Dataset, "id">,
  views: readonly View[][],
  warehouse: Pick<Warehouse, "ensureView">,
): Promise<EnsuredTables> {
  return inGroups(views, (view) => warehouse.ensureView(dataset.id, view));
}

/** Makes the views anew as they are defined; all are answered as created. */
export function replaceViews(
  dataset: Pick<Dataset, "id">,
  views: readonly View[][],
  warehouse: Pick<Warehouse, "replaceView">,
): Promise<EnsuredTables> {
  return inGroups(views, async (view) => {
    await warehouse.replaceView(dataset.id, view);
    return { created: true };
  });
}

async function inGroups(
  groups: readonly View[][],
  ensure: (view: View) => Promise<{ created: boolean }>,
): Promise<EnsuredTables> {
  const all: EnsuredTables = { created: [], existing: [], failed: [] };
  for (const group of groups) {
    const { created, existing, failed } = await ensureEach(group, ensure);
    all.created.push(...created);
    all.existing.push(...existing);
    all.failed.push(...failed);
  }
  return { created: all.created.sort(), existing: all.existing.sort(), failed: all.failed };
}

function currentOf(table: TableDefinition, published: CurrentView | undefined): CurrentView {
  const description = `${table.description}; as it is now`;
  return { kind: "current", name: `${table.name}_current`, description, table, published };
}
