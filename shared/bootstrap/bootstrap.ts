import { type Static, Type } from "@sinclair/typebox";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Dataset, Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Configuration } from "#shared/runtime/config.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import { type EnsuredTables, ensureTables } from "./ensure-tables.ts";
import { loadTableConfig } from "./load-table-config.ts";

const names = Type.Array(Type.String());

export const BootstrapRequest = strictObject({
  force_recreate_tables: Type.Optional(Type.Literal(false)),
  force_recreate_dataset: Type.Optional(Type.Literal(false)),
});

export const BootstrapReport = strictObject({
  status: choice(["CREATED", "UNCHANGED"]),
  dataset: Type.String(),
  location: Type.String(),
  dataset_created: Type.Boolean(),
  total_tables: Type.Integer(),
  created_tables: names,
  existing_tables: names,
  extension_tables: names,
  tables_created: names,
  tables_existed: names,
  message: Type.String(),
});
export type BootstrapReport = Static<typeof BootstrapReport>;

/** Document `platform/bootstrap`. */
export interface BootstrapDocument {
  configVersion: number | null;
  bootstrappedAt: string | null;
  leaseUntil: string | null;
}

export const bootstrapPath = "platform/bootstrap";
const leaseMilliseconds = 300_000;

/** How the steps are committed: by an endpoint with its audit row, by the local host at start without a caller. */
export interface BootstrapSteps {
  commit<R>(body: (change: Change) => Promise<R>): Promise<R>;
  conclude(change: Change, report: BootstrapReport): Promise<void>;
}

type BootstrapPorts = { documents: Documents; warehouse: Warehouse; config: Configuration };

/**
 * Makes the operator's dataset and its tables; a second call makes nothing. An existing table is never altered. Throws
 * `BOOTSTRAP_IN_PROGRESS` while another call works and `BOOTSTRAP_INCOMPLETE` with a problem per failed table.
 * Source: `organizations.md` 2.
 */
export async function bootstrap(steps: BootstrapSteps, ports: BootstrapPorts): Promise<BootstrapReport> {
  const config = await loadTableConfig("bootstrap");
  const leaseUntil = await steps.commit(takeLease);
  try {
    const dataset: Dataset = {
      id: config.dataset.name,
      label: "platform",
      location: ports.config.DATASET_LOCATION,
      description: config.dataset.description,
    };
    const { created: datasetCreated } = await ports.warehouse.ensureDataset(dataset);
    const tables = await ensureTables(dataset, config.tables, ports.warehouse);
    const extensions = await ensureTables(dataset, config.extensionTables, ports.warehouse);
    refuseIncomplete([...tables.failed, ...extensions.failed]);
    const report = bootstrapReport(dataset, datasetCreated, { tables, extensions, total: config.tables.length });
    await steps.commit((change) => finish({ configVersion: config.version, leaseUntil, report }, steps, change));
    return report;
  } catch (error) {
    // Only a courtesy to the next call: a lease that cannot be dropped ends by itself.
    await steps.commit((change) => dropLease(leaseUntil, change)).catch(() => {});
    throw error;
  }
}

/** Whether the platform has been bootstrapped; onboarding needs it. */
export async function isBootstrapped(documents: Documents): Promise<boolean> {
  const { body } = await documents.get<BootstrapDocument>(bootstrapPath);
  return body !== undefined && body.bootstrappedAt !== null;
}

/** The end of the lease, by which its holder is known. */
async function takeLease(change: Change): Promise<string> {
  const { body, readAt } = await change.get<BootstrapDocument>(bootstrapPath);
  const left = body?.leaseUntil ? Date.parse(body.leaseUntil) - readAt.getTime() : 0;
  if (left > 0) {
    throw new AppError("BOOTSTRAP_IN_PROGRESS", "Another bootstrap is at work.", {
      retryAfterSeconds: Math.ceil(left / 1000),
    });
  }
  const leaseUntil = new Date(readAt.getTime() + leaseMilliseconds).toISOString();
  change.set<BootstrapDocument>(bootstrapPath, {
    configVersion: body?.configVersion ?? null,
    bootstrappedAt: body?.bootstrappedAt ?? null,
    leaseUntil,
  });
  return leaseUntil;
}

async function dropLease(leaseUntil: string, change: Change): Promise<void> {
  const { body } = await change.get<BootstrapDocument>(bootstrapPath);
  if (body?.leaseUntil === leaseUntil) change.set<BootstrapDocument>(bootstrapPath, { ...body, leaseUntil: null });
}

async function finish(
  done: { configVersion: number; leaseUntil: string; report: BootstrapReport },
  steps: BootstrapSteps,
  change: Change,
): Promise<void> {
  const { body, readAt } = await change.get<BootstrapDocument>(bootstrapPath);
  await steps.conclude(change, done.report);
  change.set<BootstrapDocument>(bootstrapPath, {
    configVersion: done.configVersion,
    bootstrappedAt: body?.bootstrappedAt ?? readAt.toISOString(),
    // A lease that another call holds by now stays its own.
    leaseUntil: body?.leaseUntil === done.leaseUntil ? null : (body?.leaseUntil ?? null),
  });
}

function bootstrapReport(
  dataset: Dataset,
  datasetCreated: boolean,
  made: { tables: EnsuredTables; extensions: EnsuredTables; total: number },
): BootstrapReport {
  const { tables, extensions, total } = made;
  const isNew = datasetCreated || tables.created.length > 0 || extensions.created.length > 0;
  return {
    status: isNew ? "CREATED" : "UNCHANGED",
    dataset: dataset.id,
    location: dataset.location,
    dataset_created: datasetCreated,
    total_tables: total,
    created_tables: tables.created,
    existing_tables: tables.existing,
    extension_tables: [...extensions.created, ...extensions.existing].sort(),
    tables_created: tables.created,
    tables_existed: tables.existing,
    message: isNew ? `Created ${tables.created.length} of ${total} tables.` : "Everything was there already.",
  };
}

function refuseIncomplete(failed: readonly { table: string; problem: string }[]): void {
  if (failed.length === 0) return;
  throw new AppError(
    "BOOTSTRAP_INCOMPLETE",
    `${failed.length} tables could not be made; what was made stays, call again.`,
    {
      retryable: true,
      fields: failed.map(({ table, problem }) => ({ path: `/tables/${table}`, problem })),
    },
  );
}
