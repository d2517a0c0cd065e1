import fc from "fast-check";
import { OAuth2Client } from "google-auth-library";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import { datasetViews, ensureViews } from "#shared/bootstrap/dataset-views.ts";
import { ensureTables } from "#shared/bootstrap/ensure-tables.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import type { TableConfig } from "#shared/bootstrap/table-config.ts";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import { dayOf, ledgerOrg, month, published } from "#shared/ledger/publication.fixture.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { startBigQueryDouble } from "#shared/platform/warehouse/bigquery-double/bigquery-double.ts";
import { bigqueryWarehouse } from "#shared/platform/warehouse/bigquery-warehouse.ts";
import { rowsOf } from "#shared/platform/warehouse/frame.ts";
import { baseTable, type View } from "#shared/platform/warehouse/view.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { flushHistory } from "./flush.ts";

/** What one change does to one thing; `flush` brings the history over before it. */
interface Step {
  thing: number;
  what: "write" | "delete";
  note: string | null;
  flush: boolean;
}

const step = fc.record<Step>({
  thing: fc.nat(60),
  what: fc.constantFrom("write", "write", "write", "delete"),
  note: fc.option(fc.string({ unit: "grapheme", maxLength: 12 })),
  flush: fc.nat(99).map((roll) => roll === 0),
});

/** The history's warehouse, by adapter: the embedded world's own, and BigQuery's double. */
const adapters: [name: string, open: (world: World) => Promise<{ warehouse: Warehouse; stop(): Promise<void> }>][] = [
  ["Parquet files", async ({ ports: { warehouse } }) => ({ warehouse, stop: async () => {} })],
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

describe.each(adapters)("current views on %s", (_name, open) => {
  let world: World;
  let documents: RecordedDocuments;
  let ports: EnginePorts;
  let close: () => Promise<void>;
  beforeEach(async () => {
    world = await startWorld();
    documents = recordedDocuments(world.ports.documents);
    const { warehouse, stop } = await open(world);
    ports = { ...world.ports, documents, warehouse };
    close = stop;
  });
  afterEach(async () => {
    await close();
    await world.stop();
  });

  async function made(
    kind: "bootstrap" | "organizations",
    id: string,
    tables: readonly string[],
  ): Promise<TableConfig> {
    const config = await loadTableConfig(kind);
    const wanted = config.tables.filter(({ name }) => tables.includes(name));
    await ports.warehouse.ensureDataset({ id, label: "platform", location: "US", description: "of a test" });
    await ensureTables({ id }, wanted, ports.warehouse);
    const views = datasetViews(config).map((group) => group.filter((view) => tables.includes(baseTable(view).name)));
    expect((await ensureViews({ id }, views, ports.warehouse)).failed).toEqual([]);
    return config;
  }

  function viewNamed(name: string, config: TableConfig): View {
    const view = datasetViews(config)
      .flat()
      .find((each) => each.name === name);
    if (view === undefined) throw new Error(`no view ${name}`);
    return view;
  }

  // tables.md, shown done 5
  it("show what the documents say after 1,000 random changes", { timeout: 120_000 }, async () => {
    const config = await made("bootstrap", "organizations", ["org_notification_channels"]);
    const view = viewNamed("org_notification_channels_current", config);
    // Ids are never used again, so that a thing that was deleted is another one when it is written.
    const lives = new Map<number, number>();
    let run = 0;

    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 500, maxLength: 500 }), async (steps) => {
        run += 1;
        for (const each of steps) {
          if (each.flush) await flushHistory(ports);
          const id = `ch_${run}_${each.thing}_${lives.get(each.thing) ?? 0}`;
          const isGone = await changed(id, each);
          if (isGone) lives.set(each.thing, (lives.get(each.thing) ?? 0) + 1);
        }
        await flushHistory(ports);

        const shown = await ports.warehouse.readView("organizations", view, [
          "channel_id",
          "name",
          "is_active",
          "version",
        ]);
        const rows = rowsOf(shown, baseTable(view)).map((row) => JSON.stringify(row));
        expect(rows.sort()).toEqual((await stored()).sort());
      }),
      { numRuns: 2 },
    );
  });

  async function changed(id: string, { what, note, thing }: Step): Promise<boolean> {
    const path = `orgs/acme/channels/${id}`;
    return commitChange(async (change) => {
      const { body, version } = await change.get<{ name: string; isActive: boolean }>(path);
      const isGone = what === "delete" && body !== undefined;
      const next = { name: note ?? "none", isActive: thing % 2 === 0 };
      if (isGone) change.delete(path);
      else change.set(path, next);
      change.history({
        table: "org_notification_channels",
        operation: isGone ? "DELETE" : version === 0 ? "CREATE" : "UPDATE",
        version: version + 1,
        row: {
          channel_id: id,
          org_slug: "acme",
          channel_type: "email",
          name: next.name,
          is_default: false,
          is_active: next.isActive,
          created_at: change.now.toISOString(),
        },
      });
      return isGone;
    }, ports);
  }

  async function stored(): Promise<string[]> {
    const paths = [...documents.stored.keys()].filter((path) => path.startsWith("orgs/acme/channels/"));
    const found = await documents.getAll<{ name: string; isActive: boolean }>(paths);
    return found.map(({ path, body, version }) =>
      JSON.stringify({ channel_id: path.split("/").at(-1), name: body?.name, is_active: body?.isActive, version }),
    );
  }

  // tables.md, shown done 6
  it("of the journal equal the ledger's documents, whatever was published", { timeout: 120_000 }, async () => {
    const config = await made("organizations", "Acme_test", ["published_batches"]);
    const view = viewNamed("published_batches_current", config);
    const publication = fc.record({
      days: fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
      costs: fc.array(fc.integer({ min: 1, max: 99 }).map(String), { maxLength: 2 }),
      usage: fc.nat(2),
      source: fc.constantFrom("cred_1", "cred_2"),
      age: fc.nat(3),
      flush: fc.boolean(),
    });
    let fence = 10;

    await fc.assert(
      fc.asyncProperty(fc.array(publication, { minLength: 20, maxLength: 20 }), async (publications) => {
        for (const { days, costs, usage, source, age, flush } of publications) {
          fence += 1;
          const from = { run: `run_${fence}`, fence: fence - age, source };
          const content = { costs, usage };
          await published(
            days.map((day) => dayOf(`${month}-0${day}`, content, from)),
            from,
            ports,
          );
          if (flush) await flushHistory(ports);
        }
        await flushHistory(ports);

        const names = ["x_source", "charge_date", "table_name", "x_batch_id"];
        const shown = rowsOf(await ports.warehouse.readView("Acme_test", view, names), baseTable(view));
        const inForce = shown.map((row) => names.map((name) => row[name]).join(" ")).sort();
        expect(inForce).toEqual(await ofLedger());
      }),
      { numRuns: 3 },
    );
  });

  async function ofLedger(): Promise<string[]> {
    const { days } = await publishedMonth(ledgerOrg, month, 1, documents);
    return days
      .flatMap(({ source, day, batches }) =>
        Object.entries(batches).flatMap(([table, ids]) => ids.map((id) => `${source} ${day} ${table} ${id}`)),
      )
      .sort();
  }
});
