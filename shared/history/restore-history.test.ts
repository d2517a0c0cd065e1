import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { auditedEffects } from "#scripts/e2e/audited-effects.ts";
import { interruptedAt, untilInterrupted } from "#scripts/e2e/interrupted-ports.ts";
import { type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import { bootstrap } from "#shared/bootstrap/bootstrap.ts";
import { bootstrapPath } from "#shared/bootstrap/bootstrap-lease.ts";
import type { BootstrapReport } from "#shared/bootstrap/bootstrap-report.ts";
import { datasetViews } from "#shared/bootstrap/dataset-views.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { rowsOf } from "#shared/platform/warehouse/frame.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { flushHistory } from "./flush.ts";
import { historyRestorer } from "./restore-history.ts";

const dataset = "organizations";
/** Of each row these are of the row, not of what it says. */
const history = ["event_id", "operation", "recorded_at"];

describe("tables made anew", () => {
  let world: World;
  let documents: RecordedDocuments;
  let ports: EnginePorts;
  beforeEach(async () => {
    world = await startWorld();
    documents = recordedDocuments(world.ports.documents);
    ports = { ...world.ports, documents };
    const { org } = await world.onboarded("Acme");
    await world.onboarded("other_org", "FREE");
    await world.connected(org, "restore1");
    await world.ran(org, { start_date: "2026-07-01", end_date: "2026-07-03" });
    await flushHistory(ports);
  });
  afterEach(() => world.stop());

  function recreated(by: EnginePorts = ports): Promise<BootstrapReport> {
    const effects = auditedEffects<BootstrapReport>("platform.bootstrapped", by);
    const steps = {
      commit: effects.commit,
      conclude: async (change: Parameters<typeof effects.conclude>[0], report: BootstrapReport) =>
        effects.conclude(change, report),
      restorer: historyRestorer(by),
    };
    return bootstrap(steps, by, { force_recreate_tables: true });
  }

  /** What every `_current` view of a table shows, sorted, without what tells one row of history from another. */
  async function current(): Promise<Record<string, unknown[]>> {
    const config = await loadTableConfig("bootstrap");
    const shown: Record<string, unknown[]> = {};
    for (const view of datasetViews(config).flat()) {
      if (view.kind !== "current") continue;
      const names = view.table.columns.map(({ name }) => name).filter((name) => !history.includes(name));
      const rows = rowsOf(await ports.warehouse.readView(dataset, view, names), view.table);
      shown[view.table.name] = rows.map((row) => JSON.stringify(row)).sort();
    }
    return shown;
  }

  it("have their current rows again, and no other table loses one", async () => {
    const before = await current();

    const report = await recreated();
    const after = await current();

    expect(report.status).toBe("RECREATED");
    expect(report.recreated_tables).toEqual([...historyRestorer(ports).tables].sort());
    expect([...report.recreated_tables, ...report.created_tables, ...report.existing_tables].sort()).toEqual(
      (await loadTableConfig("bootstrap")).tables.map(({ name }) => name).sort(),
    );
    for (const name of report.recreated_tables) expect(before[name], name).not.toEqual([]);
    expect(after).toEqual(before);
  });

  it("have them again by the next bootstrap after a crash at any step", { timeout: 120_000 }, async () => {
    const before = await current();
    const tables = historyRestorer(ports).tables.length;
    const config = await loadTableConfig("bootstrap");
    const made = config.tables.length + config.extensionTables.length + datasetViews(config).flat().length;

    // The first table is gone; all are gone; some rows are back.
    for (const k of [3, 2 + tables, 2 + tables + made + 2]) {
      const crashed = interruptedAt(k, "crashes after", ports);
      await untilInterrupted(recreated(crashed.ports), crashed.crashed);
      world.clock.advance(301);
      const plain = auditedEffects<BootstrapReport>("platform.bootstrapped", ports);
      await bootstrap({ commit: plain.commit, conclude: async () => {}, restorer: historyRestorer(ports) }, ports, {});

      expect(crashed.isReached(), `step ${k}`).toBe(true);
      expect(await current(), `step ${k}`).toEqual(before);
      expect(documents.stored.get(bootstrapPath)).toMatchObject({ restoring: [], leaseUntil: null });
    }
  });

  it("stay owed while those who bootstrap cannot bring rows back", async () => {
    const crashed = interruptedAt(4, "crashes after", ports);
    await untilInterrupted(recreated(crashed.ports), crashed.crashed);
    world.clock.advance(301);

    await bootstrap({ commit: auditedEffects("x", ports).commit, conclude: async () => {} }, ports);

    expect(documents.stored.get(bootstrapPath)?.["restoring"]).toEqual([...historyRestorer(ports).tables].sort());
  });

  it("are for development only: elsewhere nothing is read or dropped", async () => {
    const before = await current();
    const production = { ...ports, config: { ...ports.config, ENVIRONMENT: "production" as const } };

    const refusal = await recreated(production).catch((error: unknown) => error);

    expect(isAppError(refusal, "DEVELOPMENT_ONLY")).toBe(true);
    expect(await current()).toEqual(before);
  });
});
