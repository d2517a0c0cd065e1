import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { auditedEffects } from "#scripts/e2e/audited-effects.ts";
import { interruptedAt, untilInterrupted } from "#scripts/e2e/interrupted-ports.ts";
import { pathsBelow, type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { frameOf, rowsOf } from "#shared/platform/warehouse/frame.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { bootstrapPath } from "./bootstrap-lease.ts";
import { bootstrapStatus } from "./bootstrap-status.ts";
import { type BootstrapSyncReport, bootstrapSync } from "./bootstrap-sync.ts";
import { datasetViews } from "./dataset-views.ts";
import { loadTableConfig } from "./load-table-config.ts";
import type { SyncRequest } from "./sync-dataset.ts";
import type { TableConfig } from "./table-config.ts";

describe("the status and the sync of the operator's dataset", () => {
  let world: World;
  let documents: RecordedDocuments;
  let ports: EnginePorts;
  let config: TableConfig;
  let datasetId: string;
  beforeEach(async () => {
    world = await startWorld();
    documents = recordedDocuments(world.ports.documents);
    ports = { ...world.ports, documents };
    config = await loadTableConfig("bootstrap");
    datasetId = config.dataset.name;
  });
  afterEach(() => world.stop());

  const synced = (request: SyncRequest = {}, by: EnginePorts = ports): Promise<BootstrapSyncReport> =>
    bootstrapSync(request, auditedEffects<BootstrapSyncReport>("platform.synced", by), by);
  const status = () => bootstrapStatus({ force_refresh: true }, ports);
  const named = (name: string): TableDefinition => {
    const table = config.tables.find((each) => each.name === name);
    if (table === undefined) throw new Error(`no table ${name}`);
    return table;
  };
  const drop = (name: string): Promise<void> => ports.warehouse.dropTable(datasetId, "platform", name);

  /** The table as an earlier release made it. */
  async function madeBefore(table: TableDefinition): Promise<void> {
    await drop(table.name);
    await ports.warehouse.ensureTable(datasetId, table);
  }

  it("are of a platform that is not bootstrapped until it is", async () => {
    const fresh = await startWorld({ bootstrapped: false });

    const before = await bootstrapStatus({}, fresh.ports);
    const refusal = await synced({}, fresh.ports).catch((error: unknown) => error);
    const standing = await status();

    expect(before).toMatchObject({
      status: "NOT_BOOTSTRAPPED",
      dataset_exists: false,
      tables_expected: config.tables.length,
      tables_existing: [],
    });
    expect(isAppError(refusal, "NOT_BOOTSTRAPPED")).toBe(true);
    expect(await fresh.ports.warehouse.describeDataset(datasetId)).toBeUndefined();
    expect(standing).toMatchObject({ status: "SYNCED", dataset_exists: true, tables_missing: [], schema_diffs: {} });
    expect(standing.tables_existing).toEqual(config.tables.map(({ name }) => name).sort());
    await fresh.stop();
  });

  it("tells what is missing, what differs and what nobody asked for", async () => {
    const profiles = named("org_profiles");
    const [first, ...others] = profiles.columns;
    const kept = others.filter(({ name }) => name !== "date_format");
    await madeBefore({
      ...profiles,
      columns: [
        { ...(first ?? profiles.columns[0]), mode: "NULLABLE" } as TableDefinition["columns"][number],
        ...kept.map((column) => (column.name === "status" ? { ...column, type: "INT64" as const } : column)),
        { name: "colour", type: "STRING", mode: "NULLABLE", description: "of nobody" },
      ],
    });
    await madeBefore({ ...named("org_api_keys"), partition: undefined });
    await drop("org_audit_logs");
    await ports.warehouse.ensureTable(datasetId, { ...profiles, name: "somebody_elses" });

    const found = await status();

    expect(found).toMatchObject({
      status: "OUT_OF_SYNC",
      tables_missing: ["org_audit_logs"],
      tables_extra: ["somebody_elses"],
    });
    const nothing = { missing_columns: [], extra_columns: [], type_mismatches: [], mode_mismatches: [] };
    expect(found.schema_diffs).toEqual({
      org_api_keys: { ...nothing, partition_mismatch: true },
      org_profiles: {
        missing_columns: ["date_format"],
        extra_columns: ["colour"],
        type_mismatches: [{ column: "status", expected: "STRING", actual: "INT64" }],
        mode_mismatches: [{ column: "org_slug", expected: "REQUIRED", actual: "NULLABLE" }],
        partition_mismatch: false,
      },
    });
  });

  it("keeps an answer for 60 s, not over a sync, and looks anew when told to", async () => {
    await bootstrapStatus({}, ports);
    await drop("org_audit_logs");

    const kept = await bootstrapStatus({}, ports);
    world.clock.advance(59.9);
    const stillKept = await bootstrapStatus({}, ports);
    const forced = await bootstrapStatus({ force_refresh: true }, ports);
    await synced();
    const afterSync = await bootstrapStatus({}, ports);
    await drop("org_audit_logs");
    world.clock.advance(60);
    const later = await bootstrapStatus({}, ports);

    expect([kept, stillKept, forced, afterSync, later].map((each) => each.status)).toEqual([
      "SYNCED",
      "SYNCED",
      "OUT_OF_SYNC",
      "SYNCED",
      "OUT_OF_SYNC",
    ]);
  });

  // tables.md 7
  it("adds a column when told to: old rows read null, the view shows it", async () => {
    const table = named("org_profiles");
    const without = { ...table, columns: table.columns.filter(({ name }) => name !== "date_format") };
    const view = datasetViews(config)
      .flat()
      .find(({ name }) => name === "org_profiles_current");
    if (view === undefined) throw new Error("no view");
    await madeBefore(without);
    const row = {
      ...{ org_slug: "acme", org_id: "org_1", company_name: "Acme", admin_email: "a@example.com", status: "ACTIVE" },
      ...{ org_dataset_id: "acme_test", subscription_plan: "FREE", default_currency: "USD", default_country: "US" },
      ...{ default_language: "en", default_timezone: "UTC", created_at: "2026-08-01T00:00:00Z" },
      ...{ event_id: "evt_1", version: 1, operation: "CREATE", recorded_at: "2026-08-01T00:00:00Z" },
    };
    const rows = frameOf(without, [row]);
    await ports.warehouse.write({ datasetId, table: without, batchId: "b1", contentHash: "0".repeat(64), rows });

    const untold = await synced();
    const told = await synced({ sync_missing_columns: true });

    expect(untold).toMatchObject({ status: "OUT_OF_SYNC", columns_added: {} });
    expect(told).toMatchObject({ status: "SYNCED", columns_added: { org_profiles: ["date_format"] }, errors: [] });
    const shown = await ports.warehouse.readView(datasetId, view, ["org_slug", "date_format"]);
    expect(rowsOf(shown, table)).toEqual([{ org_slug: "acme", date_format: null }]);
    expect((await status()).status).toBe("SYNCED");
  });

  it("makes missing tables and views unless told not to, and says which", async () => {
    await drop("org_audit_logs");
    await drop("org_budgets");

    const untold = await synced({ sync_missing_tables: false });
    const told = await synced();
    const again = await synced();

    expect(untold).toMatchObject({ status: "OUT_OF_SYNC", tables_created: [] });
    expect(told).toMatchObject({ status: "SYNCED", tables_created: ["org_audit_logs", "org_budgets"] });
    expect(again).toEqual({
      status: "SYNCED",
      tables_created: [],
      columns_added: {},
      errors: [],
      message: "Every table and view is as the configuration wants it.",
    });
    expect(pathsBelow(documents, "platformAudit/")).toHaveLength(3);
  });

  it("never changes a type, a mode or a partition: each is told", async () => {
    const table = named("org_profiles");
    await madeBefore({
      ...table,
      columns: table.columns.map((column) => (column.name === "status" ? { ...column, type: "INT64" } : column)),
    });
    await madeBefore({ ...named("org_api_keys"), partition: undefined });
    const before = await ports.warehouse.describeDataset(datasetId);

    const report = await synced({ sync_missing_columns: true });

    expect(report.status).toBe("OUT_OF_SYNC");
    expect(report.errors).toEqual([
      "org_api_keys: is partitioned by another field; a sync never changes that",
      "org_profiles: column status is INT64, not STRING; a sync never changes that",
    ]);
    expect(await ports.warehouse.describeDataset(datasetId)).toEqual(before);
  });

  it("tells of a REQUIRED column that is missing and leaves it out", async () => {
    const table = named("org_profiles");
    await madeBefore({
      ...table,
      columns: table.columns.filter(({ name }) => name !== "status" && name !== "date_format"),
    });

    const report = await synced({ sync_missing_columns: true });

    expect(report).toMatchObject({ status: "OUT_OF_SYNC", columns_added: { org_profiles: ["date_format"] } });
    expect(report.errors).toEqual([
      "org_profiles: column status is REQUIRED and cannot be added; it needs a new table",
    ]);
  });

  it("keeps other syncs out while it works, and not after it failed", async () => {
    const crashed = interruptedAt(2, "crashes before", ports);
    await drop("org_audit_logs");
    await untilInterrupted(synced({}, crashed.ports), crashed.crashed);

    const beside = await synced().catch((error: unknown) => error);
    world.clock.advance(300);
    const away = {
      ...ports,
      warehouse: { ...ports.warehouse, describeDataset: () => Promise.reject(new Error("away")) },
    };
    await expect(synced({}, away)).rejects.toThrow("away");
    const next = await synced();

    expect(isAppError(beside, "BOOTSTRAP_IN_PROGRESS")).toBe(true);
    expect(next.tables_created).toEqual(["org_audit_logs"]);
    expect(documents.stored.get(bootstrapPath)).toMatchObject({ leaseUntil: null });
  });

  it("refuses a dataset of the operator's name that is somebody else's", async () => {
    await ports.warehouse.dropDataset(datasetId, "platform");
    await ports.warehouse.ensureDataset({ id: datasetId, label: "org_other", location: "US", description: "theirs" });

    const refusal = await synced().catch((error: unknown) => error);

    expect(isAppError(refusal, "DATASET_NOT_OURS")).toBe(true);
    expect((await ports.warehouse.describeDataset(datasetId))?.tables).toEqual([]);
  });
});
