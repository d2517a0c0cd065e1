import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OAuth2Client } from "google-auth-library";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBigQueryDouble } from "#shared/platform/warehouse/bigquery-double/bigquery-double.ts";
import { bigqueryWarehouse } from "#shared/platform/warehouse/bigquery-warehouse.ts";
import { frameOf, rowsOf } from "#shared/platform/warehouse/frame.ts";
import { parquetWarehouse } from "#shared/platform/warehouse/parquet-warehouse.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import { baseTable, isReadByDay, type View, viewColumns } from "#shared/platform/warehouse/view.ts";
import type { DayRange, Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { datasetViews, ensureViews } from "./dataset-views.ts";
import { ensureTables } from "./ensure-tables.ts";
import { loadTableConfig } from "./load-table-config.ts";

type Row = Record<string, unknown>;

const adapters: [name: string, open: () => Promise<{ warehouse: Warehouse; stop(): Promise<unknown> }>][] = [
  [
    "Parquet files",
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "views-"));
      return { warehouse: parquetWarehouse({ folder }), stop: () => rm(folder, { recursive: true }) };
    },
  ],
  [
    "BigQuery",
    async () => {
      const double = await startBigQueryDouble();
      const authClient = new OAuth2Client();
      authClient.setCredentials({ access_token: "test" });
      const pace = { firstPoll: 2, longestPoll: 10, pause: 1 };
      const options = { projectId: "p-test", location: "US", apiEndpoint: double.url, authClient, pace };
      return { warehouse: bigqueryWarehouse(options), stop: () => double.stop() };
    },
  ],
];
const kinds = ["bootstrap", "organizations"] as const;
const history = { version: 1, operation: "CREATE", recorded_at: "2026-08-01T00:00:00Z" };

describe.each(adapters)("the shipped views on %s", (_name, open) => {
  let warehouse: Warehouse;
  let stop: () => Promise<unknown>;
  const tables = new Map<string, { id: string; table: TableDefinition }>();
  const views = new Map<string, { id: string; view: View }>();
  let outcomes: string[];
  beforeAll(async () => {
    ({ warehouse, stop } = await open());
    outcomes = [];
    for (const id of kinds) {
      const config = await loadTableConfig(id);
      const all = [...config.tables, ...config.extensionTables];
      await warehouse.ensureDataset({ id, label: "platform", location: "US", description: "of a test" });
      for (const table of all) tables.set(table.name, { id, table });
      const made = [
        await ensureTables({ id }, all, warehouse),
        await ensureViews({ id }, datasetViews(config), warehouse),
      ];
      outcomes.push(...made.flatMap(({ failed }) => failed.map(({ table, problem }) => `${table}: ${problem}`)));
      for (const view of datasetViews(config).flat()) views.set(view.name, { id, view });
    }
  }, 120_000);
  afterAll(() => stop());

  async function written(name: string, rows: Row[]): Promise<void> {
    const { id, table } = tables.get(name) ?? { id: "", table: undefined };
    if (table === undefined) throw new Error(`no table ${name}`);
    const batchId = `batch_${name}`;
    await warehouse.write({ datasetId: id, table, batchId, contentHash: "0".repeat(64), rows: frameOf(table, rows) });
  }

  async function shown(name: string, names?: string[], days?: DayRange): Promise<Row[]> {
    const { id, view } = views.get(name) ?? { id: "", view: undefined };
    if (view === undefined) throw new Error(`no view ${name}`);
    const columns = viewColumns(view);
    const frame = await warehouse.readView(id, view, names ?? columns.map((column) => column.name), days);
    return rowsOf(frame, { ...baseTable(view), columns });
  }

  it("can all be made and read, with every column", { timeout: 120_000 }, async () => {
    expect(outcomes).toEqual([]);
    expect(views.size).toBe(tables.size + 6);
    for (const [name, { view }] of views) {
      const days = isReadByDay(baseTable(view)) ? { first: "2026-08-01", last: "2026-08-31" } : undefined;
      expect(await shown(name, undefined, days), name).toEqual([]);
    }
  });

  it("org_kms_keys counts the live credentials of each key version", async () => {
    const credential = (id: string, kmsVersion: string, more: Row = {}): Row => ({
      ...{ credential_id: id, org_slug: "acme", provider: "openai", credential_type: "API_KEY", fingerprint: "abcd" },
      ...{ kms_key_name: "k", kms_key_version: kmsVersion, validation_status: "VALID", is_active: true },
      ...{ created_at: "2026-08-01T00:00:00Z", ...history, event_id: `evt_${id}` },
      ...more,
    });
    await written("org_integration_credentials", [
      credential("c1", "1", { updated_at: "2026-08-03T00:00:00Z" }),
      credential("c2", "1", { created_at: "2026-08-02T00:00:00Z" }),
      credential("c3", "2"),
      credential("c4", "2"),
      credential("c4", "2", { version: 2, operation: "DELETE", event_id: "evt_gone" }),
    ]);

    const rows = (await shown("org_kms_keys")).sort((one, other) =>
      String(one["kms_key_version"]) < String(other["kms_key_version"]) ? -1 : 1,
    );

    const key = { org_slug: "acme", kms_key_name: "k" };
    expect(rows).toEqual([
      { ...key, kms_key_version: "1", credentials: 2, oldest_sealed_at: "2026-08-02T00:00:00Z" },
      { ...key, kms_key_version: "2", credentials: 1, oldest_sealed_at: "2026-08-01T00:00:00Z" },
    ]);
  });

  it("openai_model_pricing shows the prices of OpenAI alone", async () => {
    const price = (id: string, provider: string): Row => ({
      ...{
        price_id: id,
        scope: "platform",
        kind: "token",
        flow: "standard",
        provider,
        model_id: "m",
        region: "global",
      },
      ...{ currency: "USD", effective_from: "2026-01-01", input_per_1m: "2.5", rates: {}, source: "list" },
      ...{ as_of: "2026-01-01", price_book_version: "1", created_at: "2026-01-01T00:00:00Z" },
      ...{ ...history, event_id: `evt_${id}` },
    });
    await written("genai_model_prices", [price("p1", "openai"), price("p2", "anthropic")]);

    expect(await shown("openai_model_pricing", ["price_id", "input_per_1m"])).toEqual([
      { price_id: "p1", input_per_1m: "2.5" },
    ]);
  });

  // tables.md 4 and shown done 8
  it("focus_1_2 to 1_4 show counted rows that are published, and no other", async () => {
    const { table } = tables.get("cost_data_standard") ?? { table: undefined };
    const charge = (id: string, cost: string, isCounted: boolean): Row => ({
      ...Object.fromEntries(
        (table?.columns ?? []).flatMap((column) =>
          column.mode === "REQUIRED" ? [[column.name, filler[column.type]]] : [],
        ),
      ),
      ...{ BilledCost: cost, x_charge_date: "2026-08-01", x_counted: isCounted, x_row_id: id },
      ...{ x_batch_id: "batch_cost_data_standard", Tags: { a: "b" } },
    });
    await written("cost_data_standard", [
      charge("r1", "1.000000000001", true),
      charge("r2", "2", false),
      { ...charge("r3", "4", true), x_charge_date: "2026-08-02" },
    ]);
    await written("published_batches", [
      {
        ...{
          publication_id: "p",
          kind: "first_publish",
          charge_date: "2026-08-01",
          month: "2026-08",
          x_org_slug: "acme",
        },
        ...{ table_name: "cost_data_standard", x_pipeline_id: "p", x_source: "c", x_run_id: "r" },
        ...{ x_batch_id: "batch_cost_data_standard", ledger_epoch: 1, ledger_version: 1, fence: 1 },
        ...{ day_state: "complete", row_count: 3, new_totals: { USD: "3" }, published_at: "2026-08-02T00:00:00Z" },
      },
    ]);

    for (const name of ["focus_1_2", "focus_1_3", "focus_1_4"]) {
      const rows = await shown(name);
      expect(rows, name).toMatchObject([{ x_row_id: "r1", BilledCost: "1.000000000001", Tags: { a: "b" } }]);
    }
    const counted = (await shown("cost_data_standard_current", ["x_row_id"])).map((row) => row["x_row_id"]);
    expect(counted.sort()).toEqual(["r1", "r2"]);
  });
});

/** A value for a REQUIRED column whose content does not matter. */
const filler: Record<string, unknown> = {
  STRING: "x",
  INT64: 1,
  BIGNUMERIC: "0",
  BOOL: false,
  DATE: "2026-08-01",
  TIMESTAMP: "2026-08-01T00:00:00Z",
  JSON: {},
};
