import { randomBytes } from "node:crypto";
import { OAuth2Client } from "google-auth-library";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { interruptedAt, interruptions, untilInterrupted } from "#scripts/e2e/interrupted-ports.ts";
import { pathsBelow, type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import { ensureTables } from "#shared/bootstrap/ensure-tables.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { firestoreDocuments } from "#shared/platform/documents/firestore-documents.ts";
import { startBigQueryDouble } from "#shared/platform/warehouse/bigquery-double/bigquery-double.ts";
import { bigqueryWarehouse } from "#shared/platform/warehouse/bigquery-warehouse.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { Batch, Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { historyTopic, type OutboxDocument } from "#shared/runtime/outbox.ts";
import { broughtValues } from "./brought-rows.fixture.ts";
import { flushHistory } from "./flush.ts";

const ledgers = ["acme_test", "other_test"];
let tables: Map<string, TableDefinition>;
let world: World;
let documents: RecordedDocuments;
let ports: EnginePorts;
beforeAll(async () => {
  const configs = await Promise.all([loadTableConfig("bootstrap"), loadTableConfig("organizations")]);
  tables = new Map(configs.flatMap((config) => config.tables).map((table) => [table.name, table]));
  world = await startWorld();
  documents = recordedDocuments(world.ports.documents);
  ports = { ...world.ports, documents };
  await makeLedgers(ports.warehouse);
});
afterAll(() => world.stop());

function table(name: string): TableDefinition {
  const found = tables.get(name);
  if (found === undefined) throw new Error(`no table ${name}`);
  return found;
}

async function makeLedgers(warehouse: Warehouse): Promise<void> {
  for (const id of ledgers) {
    await warehouse.ensureDataset({ id, label: "platform", location: "US", description: "of a test" });
    await warehouse.ensureTable(id, table("published_batches"));
  }
}

/** One change with an audit row, rows of two tables, and publications of two organizations. */
function writeChange(mark: string, change: Change): void {
  change.audit({
    org: undefined,
    actorKind: "system",
    apiKeyId: null,
    userId: null,
    action: mark,
    operation: "EXECUTE",
    resourceType: "test",
    resourceId: null,
    details: { mark },
    ipAddress: null,
    userAgent: null,
    requestId: null,
    status: "SUCCESS",
    errorMessage: null,
  });
  const at = change.now.toISOString();
  for (const part of ["a", "b"]) {
    const row = {
      org_api_key_id: `${mark}-${part}`,
      org_slug: "acme",
      org_api_key_hash: "00",
      key_name: "k",
      fingerprint: "abcd",
    };
    const flags = { scopes: ["*"], is_active: true, is_primary: false, created_at: at };
    change.history({ table: "org_api_keys", operation: "CREATE", version: 1, row: { ...row, ...flags } });
  }
  for (const datasetId of ledgers)
    change.journal(datasetId, "published_batches", [publishedRow(`${mark}-1`, at), publishedRow(`${mark}-2`, at)]);
}

function publishedRow(publicationId: string, at: string): Record<string, unknown> {
  return {
    publication_id: publicationId,
    kind: "first_publish",
    charge_date: "2026-07-01",
    month: "2026-07",
    table_name: "cost_data_standard",
    x_org_slug: "acme",
    x_pipeline_id: "openai_cost_usage_cost",
    x_source: "cred_1",
    x_run_id: "run_1",
    x_batch_id: "b1",
    ledger_epoch: 1,
    ledger_version: 1,
    fence: 1,
    day_state: "complete",
    row_count: 1,
    new_totals: { USD: "1" },
    published_at: at,
  };
}

async function changed(marks: readonly string[], by: EnginePorts = ports): Promise<void> {
  for (const mark of marks) await commitChange(async (change) => writeChange(mark, change), by);
}

function marks(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${name}_${at}`);
}

/** How often each row of these changes is in the warehouse, by table. */
async function brought(of: readonly string[], by: EnginePorts = ports): Promise<Record<string, number[]>> {
  const counted = async (
    datasetId: string,
    name: string,
    column: string,
    ids: readonly string[],
  ): Promise<number[]> => {
    const values = await broughtValues({ datasetId, table: table(name) }, column, by);
    return ids.map((id) => values.filter((value) => value === id).length);
  };
  return {
    audit: await counted("organizations", "org_audit_logs", "action", of),
    keys: await counted(
      "organizations",
      "org_api_keys",
      "org_api_key_id",
      of.flatMap((mark) => [`${mark}-a`, `${mark}-b`]),
    ),
    acme: await counted(
      "acme_test",
      "published_batches",
      "publication_id",
      of.flatMap((mark) => [`${mark}-1`, `${mark}-2`]),
    ),
    other: await counted(
      "other_test",
      "published_batches",
      "publication_id",
      of.flatMap((mark) => [`${mark}-1`, `${mark}-2`]),
    ),
  };
}

/** What `brought` answers when every row is there once. */
function once(count: number): Record<string, number[]> {
  const ones = (length: number): number[] => Array<number>(length).fill(1);
  return { audit: ones(count), keys: ones(2 * count), acme: ones(2 * count), other: ones(2 * count) };
}

function pending(in_: RecordedDocuments = documents): OutboxDocument[] {
  return pathsBelow(in_, "outbox/")
    .map((path) => in_.stored.get(path) as unknown as OutboxDocument)
    .filter(({ topic, state }) => topic === historyTopic && state === "PENDING");
}

/** The warehouse, every write told to `onWrite` before it is done. */
function watched(by: EnginePorts, onWrite: (batch: Batch) => Promise<void> | void): EnginePorts {
  const write = async (batch: Batch): Promise<void> => {
    await onWrite(batch);
    await by.warehouse.write(batch);
  };
  return { ...by, warehouse: { ...by.warehouse, write } };
}

describe("the flush of the history", () => {
  it("brings every row over once and leaves its messages done for seven days", async () => {
    await changed(marks("plain", 3));

    const first = await flushHistory(ports);
    const second = await flushHistory(ports);

    // Per change: audit rows, key rows and two publications are four messages.
    expect([first, second]).toEqual([12, 0]);
    expect(await brought(marks("plain", 3))).toEqual(once(3));
    const done = pathsBelow(documents, "outbox/").map((path) => documents.stored.get(path));
    expect(done.map((message) => [message?.["state"], message?.["expireAt"]])).toEqual(
      Array(12).fill(["DONE", "2026-08-17T12:00:00.000Z"]),
    );
  });

  it.each(interruptions)("brings every row over once when it %s, at every step", { timeout: 60_000 }, async (how) => {
    const all: string[] = [];
    let steps = 0;
    for (let k = 1, isReached = true; isReached; k++) {
      const own = marks(`${how} ${k}`, 1);
      all.push(...own);
      await changed(own);
      const interrupted = interruptedAt(k, how, ports);
      await untilInterrupted(flushHistory(interrupted.ports), interrupted.crashed);
      isReached = interrupted.isReached();
      if (isReached) steps = k;

      await flushHistory(ports);

      expect(pending(), `step ${k}`).toEqual([]);
    }
    expect(await brought(all)).toEqual(once(all.length));
    expect(steps).toBe(8);
  });

  it("repeats a batch with the same rows, whatever has come in since", async () => {
    const hashes = new Map<string, Set<string>>();
    const own = marks("stable", 40);
    await changed(own.slice(0, 20));
    const watching = watched(
      ports,
      ({ batchId, contentHash }) => void hashes.set(batchId, (hashes.get(batchId) ?? new Set()).add(contentHash)),
    );
    const crashing = interruptedAt(4, "crashes after", watching);

    await untilInterrupted(flushHistory(crashing.ports), crashing.crashed);
    await changed(own.slice(20));
    await flushHistory(watching);

    expect([...hashes.values()].map(({ size }) => size)).toEqual(Array(8).fill(1));
    expect(await brought(own)).toEqual(once(40));
  });

  it("brings every row over once when five flushes work at once", async () => {
    const own = marks("at_once", 30);
    await changed(own);

    const ended = await Promise.allSettled(Array.from({ length: 5 }, () => flushHistory(ports)));
    await flushHistory(ports);

    expect(ended.map(({ status }) => status)).toEqual(Array(5).fill("fulfilled"));
    expect(await brought(own)).toEqual(once(30));
  });

  it("takes nothing that another flush has brought over since it was listed", async () => {
    const own = marks("overtaken", 3);
    await changed(own);
    let isFirst = true;
    const slow: EnginePorts = {
      ...ports,
      documents: {
        ...documents,
        list: async (query) => {
          const page = await documents.list(query);
          if (isFirst) {
            isFirst = false;
            await flushHistory(ports);
          }
          return page as never;
        },
      },
    };

    const late = await flushHistory(slow);

    expect(late).toBe(0);
    expect(await brought(own)).toEqual(once(3));
  });

  it.each([
    ["before a load", 2],
    ["before its loads are noted", 6],
    ["before its messages are marked", 7],
    ["before the batch is closed", 8],
  ])("closes no later batch when it stalls %s and another finishes it", async (when, step) => {
    const own = marks(`stalled ${when}`, 2);
    await changed(own.slice(0, 1));
    const stalled = meanwhile(step, async () => {
      await flushHistory(ports);
      await changed(own.slice(1));
      const crashing = interruptedAt(3, "crashes after", ports);
      await untilInterrupted(flushHistory(crashing.ports), crashing.crashed);
    });

    await flushHistory(stalled.ports);
    await flushHistory(ports);

    expect(stalled.isReached()).toBe(true);
    expect(await brought(own)).toEqual(once(2));
    expect(pending()).toEqual([]);
  });

  it("makes one load per table, however many messages there are", async () => {
    const own = marks("many", 260);
    await commitAll(own);
    const loads: string[] = [];

    const flushed = await flushHistory(
      watched(ports, ({ datasetId, table: { name } }) => void loads.push(`${datasetId}/${name}`)),
    );

    expect(flushed).toBe(4 * 260);
    expect(loads.sort()).toEqual([
      "acme_test/published_batches",
      "organizations/org_api_keys",
      "organizations/org_audit_logs",
      "other_test/published_batches",
    ]);
    expect(await brought(own)).toEqual(once(260));
  });

  it.each([
    ["a table that does not exist", "no_such_table", {}, /no_such_table: there is no such table/],
    ["an unknown column", "org_api_keys", { colour: "red" }, /org_api_keys: .*colour/],
    ["a missing REQUIRED column", "org_api_keys", { org_slug: null }, /org_api_keys: .*org_slug/],
    ["a value of another type", "org_api_keys", { is_active: "yes" }, /org_api_keys: .*is_active/],
  ])("fails loudly for %s, brings over the other tables and loses nothing", async (_name, name, wrong, message) => {
    const own = marks(`poison ${_name}`, 1);
    const at = world.clock.now().toISOString();
    const good = {
      org_api_key_id: "p",
      org_slug: "acme",
      org_api_key_hash: "0",
      key_name: "k",
      fingerprint: "f",
      scopes: [],
      is_active: true,
      is_primary: true,
      created_at: at,
    };
    const before = (await auditRows()).length;
    const poisoned = recordedDocuments(documents);
    await commitChange(
      async (change) => {
        writeChange(own[0] ?? "", change);
        change.history({ table: name, operation: "CREATE", version: 1, row: { ...good, ...wrong } });
      },
      { ...ports, documents: poisoned },
    );

    await expect(flushHistory(ports)).rejects.toThrow(message);
    await expect(flushHistory(ports)).rejects.toThrow(message);

    const left = pending();
    expect(left.map(({ payload }) => (payload as { table: string }).table)).toEqual([name]);
    expect((await auditRows()).length).toBe(before + 1);
    expect((await brought(own))["acme"]).toEqual([1, 1]);
    await documents.transaction(async (tx) => {
      const paths = pathsBelow(documents, "outbox/").filter(
        (path) => (documents.stored.get(path) as unknown as OutboxDocument).state === "PENDING",
      );
      await tx.getAll(paths);
      for (const path of paths) tx.delete(path);
    });
  });

  it("keeps a batch together when the warehouse is away, and goes on with it later", async () => {
    const own = marks("away", 2);
    await changed(own);
    const away = watched(ports, ({ table: { name } }) => {
      if (name === "org_audit_logs") throw new AppError("WAREHOUSE_UNAVAILABLE", "away", { retryable: true });
    });

    await expect(flushHistory(away)).rejects.toMatchObject({ code: "WAREHOUSE_UNAVAILABLE" });
    await flushHistory(ports);

    expect(await brought(own)).toEqual(once(2));
  });

  function auditRows(): Promise<unknown[]> {
    return broughtValues({ datasetId: "organizations", table: table("org_audit_logs") }, "audit_id", ports);
  }

  /** The ports, in whose step of that number (from 1) something else happens first. */
  function meanwhile(step: number, happens: () => Promise<void>): { ports: EnginePorts; isReached(): boolean } {
    let steps = 0;
    const counted = async <R>(work: () => Promise<R>): Promise<R> => {
      steps += 1;
      if (steps === step) await happens();
      return work();
    };
    const { warehouse } = ports;
    return {
      isReached: () => steps >= step,
      ports: {
        ...ports,
        documents: { ...documents, transaction: (body) => counted(() => documents.transaction(body)) },
        warehouse: { ...warehouse, write: (batch) => counted(() => warehouse.write(batch)) },
      },
    };
  }

  /** Many changes in few transactions. */
  async function commitAll(own: readonly string[]): Promise<void> {
    await Promise.all(own.map((mark) => commitChange(async (change) => writeChange(mark, change), ports)));
  }
});

const emulator = inject("firestoreEmulator");

/** Documents of a fresh project on Google's emulator. */
function firestore(host: string): Documents {
  process.env["FIRESTORE_EMULATOR_HOST"] = host;
  process.env["METADATA_SERVER_DETECTION"] = "none";
  const declared = async () => declareQueries(await configFile("documents/indexes.yml"));
  return firestoreDocuments({ projectId: `p-${randomBytes(6).toString("hex")}`, declared });
}

const stores: [string, () => Documents][] = [
  ["SQLite", () => world.ports.documents],
  ...(emulator === undefined ? [] : [["Firestore", () => firestore(emulator)] satisfies [string, () => Documents]]),
];

describe.each(stores)("the flush of the history from %s into BigQuery", (_name, open) => {
  it("brings publications of two organizations over once, also when it is killed between their loads", async () => {
    const double = await startBigQueryDouble();
    const authClient = new OAuth2Client();
    authClient.setCredentials({ access_token: "test" });
    const warehouse = bigqueryWarehouse({
      projectId: "p-test",
      location: "US",
      apiEndpoint: double.url,
      authClient,
      pace: { firstPoll: 2, longestPoll: 10, pause: 1 },
    });
    const { dataset, tables: central } = await loadTableConfig("bootstrap");
    await warehouse.ensureDataset({ id: dataset.name, label: "platform", location: "US", description: "central" });
    await ensureTables({ id: dataset.name }, central, warehouse);
    await makeLedgers(warehouse);
    const own = recordedDocuments(open());
    const onCloud = { ...ports, documents: own, warehouse };
    await changed(marks("cloud", 5), onCloud);

    for (let k = 2; k <= 6; k++) {
      const crashing = interruptedAt(k, "crashes after", onCloud);
      await untilInterrupted(flushHistory(crashing.ports), crashing.crashed);
    }
    await flushHistory(onCloud);

    const rows = (datasetId: string, name: string) => double.inspection.rows(datasetId, name).length;
    expect(rows(dataset.name, "org_audit_logs")).toBe(5);
    expect(rows(dataset.name, "org_api_keys")).toBe(10);
    expect(ledgers.map((id) => rows(id, "published_batches"))).toEqual([10, 10]);
    expect(double.inspection.loadJobs()).toHaveLength(4);
    expect(pending(own)).toEqual([]);
    await double.stop();
  });
});
