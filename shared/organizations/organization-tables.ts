import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { orgKeyOf } from "#shared/access/org-slug.ts";
import { datasetState, datasetStateFields, stateMessage } from "#shared/bootstrap/dataset-state.ts";
import { ensureTables } from "#shared/bootstrap/ensure-tables.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import { SyncRequest, syncDataset } from "#shared/bootstrap/sync-dataset.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { Configuration } from "#shared/runtime/config.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import { datasetIdOf, existingOrg, type OrgDocument, orgPath } from "./organization.ts";
import { ownDataset } from "./own-dataset.ts";

const names = Type.Array(Type.String());

export const OrganizationStatus = strictObject({
  status: choice(["NOT_PROVISIONED", "SYNCED", "OUT_OF_SYNC"]),
  profile_exists: Type.Boolean(),
  ...datasetStateFields,
  message: Type.String(),
});
export type OrganizationStatus = Static<typeof OrganizationStatus>;

export const OrganizationSyncRequest = strictObject({
  ...SyncRequest.properties,
  recreate_views: Type.Optional(Type.Boolean({ description: "Make every view anew; a view holds no rows" })),
});
export type OrganizationSyncRequest = Static<typeof OrganizationSyncRequest>;

export const OrganizationSyncReport = strictObject({
  status: choice(["SYNCED", "OUT_OF_SYNC"]),
  dataset_created: Type.Boolean(),
  tables_created: names,
  columns_added: Type.Record(Type.String(), names),
  views_created: names,
  errors: names,
  message: Type.String(),
});
export type OrganizationSyncReport = Static<typeof OrganizationSyncReport>;

export const RepairReport = strictObject({
  dataset_id: Type.String(),
  tables_created: names,
  tables_existing: names,
  tables_failed: names,
  message: Type.String(),
});
export type RepairReport = Static<typeof RepairReport>;

type Given = { documents: Documents; warehouse: Warehouse; config: Configuration };

/** How the organization's dataset stands against the configuration; 404 where there is neither profile nor dataset. */
export async function organizationStatus(slug: string, given: Given): Promise<OrganizationStatus> {
  const key = orgKeyOf(slug);
  const stored =
    key === undefined ? existingOrg(undefined) : (await given.documents.get<OrgDocument>(orgPath(key))).body;
  const org = stored?.state === "ERASED" ? undefined : stored;
  const config = await loadTableConfig("organizations");
  const state = await datasetState(org?.dataset.id ?? datasetIdOf(slug, given.config), config, given.warehouse);
  if (org === undefined && !state.isThere) existingOrg(undefined);
  const isForeign = state.isThere && state.label?.toLowerCase() !== org?.orgId.toLowerCase();
  const isSynced = state.isInSync && !isForeign;
  return {
    status: state.isThere ? (isSynced ? "SYNCED" : "OUT_OF_SYNC") : "NOT_PROVISIONED",
    profile_exists: org !== undefined && org.state !== "PROVISIONING",
    dataset_exists: state.isThere,
    tables_expected: state.expected,
    tables_existing: state.existing,
    tables_missing: state.missing,
    schema_diffs: state.diffs,
    message: isForeign ? "The dataset of this name is not this organization's." : stateMessage(state),
  };
}

/**
 * Adds to the organization's dataset what a newer configuration has. Nothing is dropped and no type changed. Throws
 * `DATASET_NOT_OURS` where the dataset carries another label. Source: `organizations.md` 3.
 */
export async function organizationSync(
  asked: { slug: string; request: OrganizationSyncRequest },
  effects: Effects<OrganizationSyncReport>,
  given: Given,
): Promise<OrganizationSyncReport> {
  const { org, dataset, created } = await ownDataset(asked.slug, effects, given);
  const config = await loadTableConfig("organizations");
  const request = { ...asked.request, recreateViews: asked.request.recreate_views === true };
  const synced = await syncDataset(dataset, config, request, given.warehouse);
  const report: OrganizationSyncReport = {
    status: synced.state.isInSync ? "SYNCED" : "OUT_OF_SYNC",
    dataset_created: created,
    tables_created: synced.tablesCreated,
    columns_added: synced.columnsAdded,
    views_created: synced.viewsCreated,
    errors: synced.errors,
    message: stateMessage(synced.state),
  };
  return concluded(org, report, effects);
}

/** Makes the tables that are missing; what stands is not touched. Throws as `organizationSync`. */
export async function organizationRepairTables(
  slug: string,
  effects: Effects<RepairReport>,
  given: Given,
): Promise<RepairReport> {
  const { org, dataset } = await ownDataset(slug, effects, given);
  const { tables, extensionTables } = await loadTableConfig("organizations");
  const { created, existing, failed } = await ensureTables(dataset, [...tables, ...extensionTables], given.warehouse);
  const report: RepairReport = {
    dataset_id: dataset.id,
    tables_created: created,
    tables_existing: existing,
    tables_failed: failed.map(({ table }) => table),
    message: failed.length === 0 ? `Made ${created.length} tables.` : `${failed.length} tables could not be made.`,
  };
  return concluded(org, report, effects);
}

function concluded<Report>(org: OrgIdentity, report: Report, effects: Effects<Report>): Promise<Report> {
  return effects.commit(async (change) => {
    await effects.prepare(change);
    effects.conclude(change, report, { org, resourceId: org.orgId });
    return report;
  });
}
