import { type Static, Type } from "@sinclair/typebox";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Configuration } from "#shared/runtime/config.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import { platformDataset } from "./bootstrap.ts";
import { dropLease, finish, takeLease } from "./bootstrap-lease.ts";
import { stateMessage } from "./dataset-state.ts";
import { loadTableConfig } from "./load-table-config.ts";
import { type SyncRequest, syncDataset } from "./sync-dataset.ts";
import type { TableConfig } from "./table-config.ts";

export const BootstrapSyncReport = strictObject({
  status: choice(["SYNCED", "OUT_OF_SYNC"]),
  tables_created: Type.Array(Type.String()),
  columns_added: Type.Record(Type.String(), Type.Array(Type.String())),
  errors: Type.Array(Type.String()),
  message: Type.String(),
});
export type BootstrapSyncReport = Static<typeof BootstrapSyncReport>;

type Given = { documents: Documents; warehouse: Warehouse; config: Configuration };

/**
 * Adds to the operator's dataset what a newer configuration has: tables, columns, views. Throws `NOT_BOOTSTRAPPED` where
 * there is nothing to add to, `BOOTSTRAP_IN_PROGRESS` beside another bootstrap or sync. Source: `organizations.md` 2.
 */
export async function bootstrapSync(
  request: SyncRequest,
  effects: Effects<BootstrapSyncReport>,
  given: Given,
): Promise<BootstrapSyncReport> {
  const config = await loadTableConfig("bootstrap");
  const lease = await effects.commit((change) => takeLease(change, { isStanding: true }));
  try {
    const report = await synced(config, request, given);
    const done = { configVersion: config.version, lease, left: lease.restoring };
    await effects.commit((change) => finish(done, (last) => conclude(report, last, effects), change));
    return report;
  } catch (error) {
    // Only a courtesy to the next call: a lease that cannot be dropped ends by itself.
    await effects.commit((change) => dropLease(lease, change)).catch(() => {});
    throw error;
  }
}

async function conclude(
  report: BootstrapSyncReport,
  change: Change,
  effects: Effects<BootstrapSyncReport>,
): Promise<void> {
  await effects.prepare(change);
  effects.conclude(change, report);
}

async function synced(config: TableConfig, request: SyncRequest, given: Given): Promise<BootstrapSyncReport> {
  const dataset = platformDataset(config, given.config);
  const standing = await given.warehouse.describeDataset(dataset.id);
  if (standing === undefined)
    throw new AppError("NOT_BOOTSTRAPPED", "The dataset is not there: call POST /api/v1/admin/bootstrap.");
  if (standing.label !== dataset.label)
    throw new AppError("DATASET_NOT_OURS", `The dataset ${dataset.id} is not this platform's.`);
  const { tablesCreated, columnsAdded, errors, state } = await syncDataset(dataset, config, request, given.warehouse);
  return {
    status: state.isInSync ? "SYNCED" : "OUT_OF_SYNC",
    tables_created: tablesCreated,
    columns_added: columnsAdded,
    errors,
    message: stateMessage(state),
  };
}
