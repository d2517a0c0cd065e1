import { type Static, Type } from "@sinclair/typebox";
import type { Clock } from "#shared/platform/clock.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import { type BootstrapDocument, bootstrapPath, isDone } from "./bootstrap-lease.ts";
import { datasetState, datasetStateFields, stateMessage } from "./dataset-state.ts";
import { loadTableConfig } from "./load-table-config.ts";

export const BootstrapStatusQuery = strictObject({
  force_refresh: Type.Optional(Type.Boolean({ description: "Look anew; else an answer may be a minute old" })),
});
export type BootstrapStatusQuery = Static<typeof BootstrapStatusQuery>;

export const BootstrapStatus = strictObject({
  status: choice(["NOT_BOOTSTRAPPED", "SYNCED", "OUT_OF_SYNC"]),
  ...datasetStateFields,
  tables_extra: Type.Array(Type.String()),
  message: Type.String(),
});
export type BootstrapStatus = Static<typeof BootstrapStatus>;

const keptMilliseconds = 60_000;
/** Answers by the store they are about: a process has one, tests have many. */
const kept = new WeakMap<Documents, { at: number; version: number; status: BootstrapStatus }>();

/**
 * How the operator's dataset stands against the configuration. An answer is kept for 60 s in this process, and no longer
 * than until the next bootstrap or sync anywhere: both leave a new version of their document.
 */
export async function bootstrapStatus(
  query: BootstrapStatusQuery,
  given: { documents: Documents; warehouse: Warehouse; clock: Clock },
): Promise<BootstrapStatus> {
  const now = given.clock.now().getTime();
  const { body, version } = await given.documents.get<BootstrapDocument>(bootstrapPath);
  const known = kept.get(given.documents);
  const isFresh = known?.version === version && Math.abs(now - known.at) < keptMilliseconds;
  if (known !== undefined && isFresh && query.force_refresh !== true) return known.status;
  const status = await lookedUp(isDone(body), given.warehouse);
  kept.set(given.documents, { at: now, version, status });
  return status;
}

async function lookedUp(isBootstrapped: boolean, warehouse: Warehouse): Promise<BootstrapStatus> {
  const config = await loadTableConfig("bootstrap");
  const state = await datasetState(config.dataset.name, config, warehouse);
  const isStanding = isBootstrapped && state.isThere;
  return {
    status: isStanding ? (state.isInSync ? "SYNCED" : "OUT_OF_SYNC") : "NOT_BOOTSTRAPPED",
    dataset_exists: state.isThere,
    tables_expected: state.expected,
    tables_existing: state.existing,
    tables_missing: state.missing,
    tables_extra: state.extra,
    schema_diffs: state.diffs,
    message: isStanding ? stateMessage(state) : "The platform is not bootstrapped.",
  };
}
