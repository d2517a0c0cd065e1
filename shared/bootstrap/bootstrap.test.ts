import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { auditedEffects } from "#scripts/e2e/audited-effects.ts";
import { interruptedAt, interruptions, untilInterrupted } from "#scripts/e2e/interrupted-ports.ts";
import { pathsBelow, type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { View } from "#shared/platform/warehouse/view.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { bootstrap } from "./bootstrap.ts";
import { bootstrapPath, isBootstrapped } from "./bootstrap-lease.ts";
import type { BootstrapReport } from "./bootstrap-report.ts";
import { datasetViews } from "./dataset-views.ts";
import { loadTableConfig } from "./load-table-config.ts";
import type { TableConfig } from "./table-config.ts";

describe("bootstrap", () => {
  let world: World;
  let documents: RecordedDocuments;
  let ports: EnginePorts;
  let config: TableConfig;
  beforeEach(async () => {
    world = await startWorld({ bootstrapped: false });
    documents = recordedDocuments(world.ports.documents);
    ports = { ...world.ports, documents };
    config = await loadTableConfig("bootstrap");
  });
  afterEach(() => world.stop());

  function bootstrapped(by: EnginePorts = ports): Promise<BootstrapReport> {
    const effects = auditedEffects<BootstrapReport>("platform.bootstrapped", by);
    return bootstrap(
      { commit: effects.commit, conclude: async (change, report) => effects.conclude(change, report) },
      by,
    );
  }

  async function refusal(work: Promise<unknown>): Promise<AppError> {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(AppError);
    return error as AppError;
  }

  function withEnsureTable(ensureTable: Warehouse["ensureTable"]): EnginePorts {
    return { ...ports, warehouse: { ...ports.warehouse, ensureTable } };
  }

  const namesOf = (tables: readonly TableDefinition[]): string[] => tables.map(({ name }) => name).sort();

  it("makes every table of the config at the first call and nothing at the second", async () => {
    const names = namesOf(config.tables);
    const extensions = namesOf(config.extensionTables);

    const first = await bootstrapped();
    const second = await bootstrapped();

    const views = datasetViews(config)
      .flat()
      .map(({ name }) => name)
      .sort();
    const validation = Object.fromEntries([...names, ...extensions].map((name) => [name, []]));
    const dataset = {
      dataset: config.dataset.name,
      location: "US",
      total_tables: config.tables.length,
      extension_tables: extensions,
      recreated_tables: [],
      views,
      schema_validation: validation,
    };
    const all = { created_tables: names, tables_created: names, existing_tables: [], tables_existed: [] };
    const none = { created_tables: [], tables_created: [], existing_tables: names, tables_existed: names };
    expect(first).toMatchObject({ status: "CREATED", dataset_created: true, ...dataset, ...all });
    expect(second).toMatchObject({ status: "UNCHANGED", dataset_created: false, ...dataset, ...none });
    const stored = await ports.warehouse.describeDataset(config.dataset.name);
    expect(stored?.label).toBe("platform");
    expect(stored?.tables.map(({ name }) => name)).toEqual([...names, ...extensions].sort());
    expect(documents.stored.get(bootstrapPath)).toEqual({
      configVersion: config.version,
      bootstrappedAt: "2026-08-10T12:00:00.000Z",
      leaseUntil: null,
      restoring: [],
    });
    expect(pathsBelow(documents, "platformAudit/")).toHaveLength(2);
  });

  it("adds what a newer config has and alters no table that stands", async () => {
    const [added] = config.tables.slice(-1);
    const older = config.tables.slice(0, -1);
    const { id } = { id: config.dataset.name };
    await ports.warehouse.ensureDataset({ id, label: "platform", location: "US", description: "older" });
    for (const table of older) await ports.warehouse.ensureTable(id, { ...table, columns: table.columns.slice(0, -1) });
    const before = await ports.warehouse.describeDataset(id);

    const report = await bootstrapped();

    expect(report).toMatchObject({
      status: "CREATED",
      dataset_created: false,
      created_tables: [added?.name],
      existing_tables: namesOf(older),
    });
    const lacking = older[0]?.columns.at(-1)?.name;
    expect(report.schema_validation[older[0]?.name ?? ""]).toEqual([`column ${lacking} is missing`]);
    const after = await ports.warehouse.describeDataset(id);
    expect(after?.tables.filter(({ name }) => namesOf(older).includes(name))).toEqual(before?.tables);
  });

  it("names every table that could not be made, keeps the others, and makes only those the next time", async () => {
    const broken = [config.tables[3]?.name ?? "", config.tables[7]?.name ?? "", config.extensionTables[0]?.name ?? ""];
    const failing = withEnsureTable(async (datasetId, table) => {
      if (broken.includes(table.name)) throw new AppError("WAREHOUSE_UNAVAILABLE", "not now", { retryable: true });
      return ports.warehouse.ensureTable(datasetId, table);
    });

    const error = await refusal(bootstrapped(failing));
    const wasBootstrapped = await isBootstrapped(documents);
    const report = await bootstrapped();

    expect(error).toMatchObject({ code: "BOOTSTRAP_INCOMPLETE", retryable: true });
    expect(error.fields.map(({ path }) => path).sort()).toEqual(broken.map((name) => `/tables/${name}`).sort());
    expect(wasBootstrapped).toBe(false);
    expect(report.created_tables).toEqual(broken.slice(0, 2).sort());
    expect(report.total_tables).toBe(report.created_tables.length + report.existing_tables.length);
  });

  it("names every view that could not be made, and makes it the next time", async () => {
    const failing = {
      ...ports,
      warehouse: {
        ...ports.warehouse,
        ensureView: async (datasetId: string, view: View) => {
          if (view.name === "org_kms_keys") throw new AppError("WAREHOUSE_UNAVAILABLE", "not now", { retryable: true });
          return ports.warehouse.ensureView(datasetId, view);
        },
      },
    };

    const error = await refusal(bootstrapped(failing));
    const report = await bootstrapped();

    expect(error).toMatchObject({
      code: "BOOTSTRAP_INCOMPLETE",
      fields: [{ path: "/views/org_kms_keys", problem: "not now" }],
    });
    expect(report).toMatchObject({ status: "CREATED", created_tables: [] });
    expect(report.views).toContain("org_kms_keys");
  });

  it("refuses a dataset of its name that is somebody else's, and makes nothing in it", async () => {
    const { name: id } = config.dataset;
    await ports.warehouse.ensureDataset({ id, label: "org_other", location: "US", description: "theirs" });

    const error = await refusal(bootstrapped());

    expect(error.code).toBe("DATASET_NOT_OURS");
    expect((await ports.warehouse.describeDataset(id))?.tables).toEqual([]);
  });

  it("works at no more than five tables at once", async () => {
    let atWork = 0;
    let most = 0;
    const counting = withEnsureTable(async (datasetId, table) => {
      atWork += 1;
      most = Math.max(most, atWork);
      const made = await ports.warehouse.ensureTable(datasetId, table);
      atWork -= 1;
      return made;
    });

    await bootstrapped(counting);

    expect(most).toBe(5);
  });

  it("refuses a call beside another until its lease has ended", async () => {
    const crashed = interruptedAt(4, "crashes before", ports);
    await untilInterrupted(bootstrapped(crashed.ports), crashed.crashed);
    world.clock.advance(299.5);

    const early = await refusal(bootstrapped());
    world.clock.advance(0.5);
    const late = await bootstrapped();

    expect(early).toMatchObject({ code: "BOOTSTRAP_IN_PROGRESS", retryAfterSeconds: 1 });
    expect(late.status).toBe("CREATED");
  });

  it("is done once by one of many calls at once", async () => {
    const ended = await Promise.allSettled(Array.from({ length: 10 }, () => bootstrapped()));

    const refused = ended.flatMap((end) => (end.status === "rejected" ? [(end.reason as AppError).code] : []));
    expect(refused).toEqual(Array(9).fill("BOOTSTRAP_IN_PROGRESS"));
    expect(pathsBelow(documents, "platformAudit/")).toHaveLength(1);
  });

  it.each(["fails", "ends"])("leaves the lease of a later call alone when an earlier one %s late", async (how) => {
    let isFirst = true;
    const slow = withEnsureTable(async (datasetId, table) => {
      if (isFirst) {
        isFirst = false;
        world.clock.advance(301);
        const other = interruptedAt(3, "crashes before", ports);
        await untilInterrupted(bootstrapped(other.ports), other.crashed);
        if (how === "fails") throw new Error("gone");
      }
      return ports.warehouse.ensureTable(datasetId, table);
    });

    const late = await bootstrapped(slow).catch((error: unknown) => error);
    const next = await refusal(bootstrapped());

    expect(late instanceof AppError).toBe(how === "fails");
    expect(next.code).toBe("BOOTSTRAP_IN_PROGRESS");
  });

  it("tells why it failed even when the lease cannot be dropped", async () => {
    let commits = 0;
    const failing: EnginePorts = {
      ...withEnsureTable(async () => Promise.reject(new Error("no table today"))),
      documents: {
        ...documents,
        transaction: async (body) => {
          commits += 1;
          if (commits > 1) throw new AppError("DOCUMENTS_UNAVAILABLE", "down", { retryable: true });
          return documents.transaction(body);
        },
      },
    };

    const error = await refusal(bootstrapped(failing));

    expect(error.code).toBe("BOOTSTRAP_INCOMPLETE");
    expect(error.fields).toHaveLength(config.tables.length + config.extensionTables.length);
  });

  it.each(interruptions)(
    "ends complete when it %s at any step and is called again",
    { timeout: 60_000 },
    async (how) => {
      const views = datasetViews(config).flat().length;
      const steps = 3 + config.tables.length + config.extensionTables.length + views;
      for (const k of [1, 2, 3, 4, Math.ceil(steps / 2), steps - 1, steps]) {
        const fresh = await startWorld({ bootstrapped: false });
        const recorded = recordedDocuments(fresh.ports.documents);
        const own = { ...fresh.ports, documents: recorded };
        const interrupted = interruptedAt(k, how, own);
        await untilInterrupted(bootstrapped(interrupted.ports), interrupted.crashed);
        fresh.clock.advance(301);

        const report = await bootstrapped(own);

        expect(interrupted.isReached(), `step ${k}`).toBe(true);
        expect([...report.created_tables, ...report.existing_tables].sort()).toEqual(namesOf(config.tables));
        expect(recorded.stored.get(bootstrapPath)).toMatchObject({ configVersion: config.version, leaseUntil: null });
        await fresh.stop();
      }
    },
  );
});
