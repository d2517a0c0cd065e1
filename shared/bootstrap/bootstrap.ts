import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Dataset, Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { Change } from "#shared/runtime/change.ts";
import { type Configuration, isDevelopment } from "#shared/runtime/config.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { tableCallsAtOnce, workThrough } from "./at-most.ts";
import { dropLease, finish, takeLease } from "./bootstrap-lease.ts";
import { type Bootstrapped, type BootstrapReport, type BootstrapRequest, bootstrapReport } from "./bootstrap-report.ts";
import { datasetViews, ensureViews, replaceViews } from "./dataset-views.ts";
import { ensureTables, type Failure } from "./ensure-tables.ts";
import { loadTableConfig } from "./load-table-config.ts";
import { problemsOf, schemaDiff } from "./schema-diff.ts";
import type { TableConfig } from "./table-config.ts";

/** How the steps are committed: by an endpoint with its audit row, by the local host at start without a caller. */
export interface BootstrapSteps {
  commit<R>(body: (change: Change) => Promise<R>): Promise<R>;
  conclude(change: Change, report: BootstrapReport): Promise<void>;
  /** Without it no table is made anew. */
  restorer?: HistoryRestorer;
}

/** Who can write the current rows of tables again, from the documents whose history they are. */
export interface HistoryRestorer {
  tables: readonly string[];
  restore(tables: readonly string[]): Promise<void>;
}

type BootstrapPorts = { documents: Documents; warehouse: Warehouse; config: Configuration };

/** Dataset label of the operator's own. */
export const platformLabel = "platform";

/**
 * Makes the operator's dataset, its tables and views; a second call makes nothing. An existing table is never altered.
 * With `force_recreate_tables`, in development, tables whose rows the documents can give back are dropped, made anew and
 * filled again; a crash in between is finished by the next call. Throws `BOOTSTRAP_IN_PROGRESS` while another call
 * works, `BOOTSTRAP_INCOMPLETE` with a problem per failed table, `DATASET_NOT_OURS` where the dataset is somebody
 * else's. Source: `organizations.md` 2.
 */
export async function bootstrap(
  steps: BootstrapSteps,
  ports: BootstrapPorts,
  request: BootstrapRequest = {},
): Promise<BootstrapReport> {
  if (request.force_recreate_tables === true && !isDevelopment(ports.config))
    throw new AppError("DEVELOPMENT_ONLY", "Tables are made anew on development installations only.");
  const config = await loadTableConfig("bootstrap");
  const recreated = request.force_recreate_tables === true ? await recreatable(config, steps.restorer, ports) : [];
  const lease = await steps.commit((change) => takeLease(change, { restoring: recreated }));
  try {
    const made = await makeDataset(config, recreated, ports);
    if (lease.restoring.length > 0) await steps.restorer?.restore(lease.restoring);
    const report = bootstrapReport(made);
    const left = steps.restorer === undefined ? lease.restoring : [];
    await steps.commit((change) =>
      finish({ configVersion: config.version, lease, left }, (last) => steps.conclude(last, report), change),
    );
    return report;
  } catch (error) {
    // Only a courtesy to the next call: a lease that cannot be dropped ends by itself.
    await steps.commit((change) => dropLease(lease, change)).catch(() => {});
    throw error;
  }
}

/** The operator's dataset as the configuration and the environment say. */
export function platformDataset(config: TableConfig, environment: Configuration): Dataset {
  const { name: id, description } = config.dataset;
  return { id, label: platformLabel, location: environment.DATASET_LOCATION, description };
}

/** Tables that stand and whose rows can be written again: no other loses its rows. */
async function recreatable(
  config: TableConfig,
  restorer: HistoryRestorer | undefined,
  { warehouse }: BootstrapPorts,
): Promise<string[]> {
  const described = await warehouse.describeDataset(config.dataset.name);
  const standing = new Set(described?.tables.map(({ name }) => name));
  const known = [...config.tables, ...config.extensionTables].map(({ name }) => name);
  return (restorer?.tables ?? []).filter((name) => known.includes(name) && standing.has(name)).sort();
}

async function makeDataset(
  config: TableConfig,
  recreated: readonly string[],
  ports: BootstrapPorts,
): Promise<Bootstrapped> {
  const { warehouse } = ports;
  const dataset = platformDataset(config, ports.config);
  const { created: datasetCreated, label } = await warehouse.ensureDataset(dataset);
  if (label !== platformLabel)
    throw new AppError("DATASET_NOT_OURS", `The dataset ${dataset.id} exists and is not this platform's.`);
  await workThrough(recreated, tableCallsAtOnce, (name) => warehouse.dropTable(dataset.id, platformLabel, name));
  const tables = await ensureTables(dataset, config.tables, warehouse);
  const extensions = await ensureTables(dataset, config.extensionTables, warehouse);
  refuseIncomplete([...tables.failed, ...extensions.failed], "tables");
  const groups = datasetViews(config);
  // A table that was made anew may have columns that its view does not show yet.
  const views = await (recreated.length > 0 ? replaceViews : ensureViews)(dataset, groups, warehouse);
  refuseIncomplete(views.failed, "views");
  const validation = await validated(dataset.id, config, warehouse);
  return { dataset, datasetCreated, total: config.tables.length, tables, extensions, views, recreated, validation };
}

async function validated(
  datasetId: string,
  config: TableConfig,
  warehouse: Warehouse,
): Promise<Bootstrapped["validation"]> {
  const described = await warehouse.describeDataset(datasetId);
  const stored = new Map(described?.tables.map((table) => [table.name, table]));
  const problems = [...config.tables, ...config.extensionTables].map((table): [string, string[]] => {
    const description = stored.get(table.name);
    return [table.name, description === undefined ? ["is missing"] : problemsOf(schemaDiff(table, description))];
  });
  return Object.fromEntries(problems);
}

function refuseIncomplete(failed: readonly Failure[], what: "tables" | "views"): void {
  if (failed.length === 0) return;
  throw new AppError(
    "BOOTSTRAP_INCOMPLETE",
    `${failed.length} ${what} could not be made; what was made stays, call again.`,
    {
      retryable: true,
      fields: failed.map(({ table, problem }) => ({ path: `/${what}/${table}`, problem })),
    },
  );
}
