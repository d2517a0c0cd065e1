import { createHash } from "node:crypto";
import { OAuth2Client } from "google-auth-library";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isAppError } from "#shared/runtime/errors.ts";
import { type BigQueryDouble, startBigQueryDouble } from "./bigquery-double/bigquery-double.ts";
import { bigqueryWarehouse } from "./bigquery-warehouse.ts";
import { BY_INSTANT, column, EVERY_TYPE, HISTORY, NEWER_STANDARD, STANDARD } from "./contract/contract-tables.ts";
import { ACTIVE_THINGS, currentOf, STATE, STATE_CURRENT } from "./contract/view-tables.ts";
import { frameOf, rowsOf } from "./frame.ts";
import { warehouseContract } from "./warehouse.contract.ts";
import type { Batch, Warehouse } from "./warehouse.ts";

const PACE = { firstPoll: 2, longestPoll: 10, pause: 1 };
const DAY = "2026-03-01";

warehouseContract("BigQuery", async () => {
  const double = await startBigQueryDouble();
  return { open: () => opened(double.url), stop: () => double.stop() };
});

const realProject = process.env["CA_TEST_GCP_PROJECT"];
if (realProject) {
  warehouseContract("BigQuery, a real project", async () => ({
    open: () => bigqueryWarehouse({ projectId: realProject, location: "EU" }),
    stop: async () => {},
  }));
}

describe("bigqueryWarehouse", () => {
  let double: BigQueryDouble;
  let warehouse: Warehouse;

  beforeEach(async () => {
    double = await startBigQueryDouble();
    warehouse = opened(double.url);
    await warehouse.ensureDataset({ id: "d", label: "platform", location: "EU", description: "d" });
    for (const table of [STANDARD, EVERY_TYPE, HISTORY, BY_INSTANT]) await warehouse.ensureTable("d", table);
  });
  afterEach(() => double.stop());

  const jobIds = () => double.inspection.loadJobs().map(({ jobId }) => jobId);
  const loaded = () => double.inspection.rows("d", STANDARD.name).map((row) => row.get("BilledCost"));
  const failureOf = (call: Promise<unknown>) => call.catch((error: unknown) => error);

  test("does not load twice when the reply to the insert is lost", async () => {
    double.faults.cutReplyOfInsert();

    await warehouse.write(batchOf(["1"]));

    expect(jobIds()).toEqual(["batch-a1"]);
    expect(loaded()).toEqual(["1"]);
  });

  test("does not load twice when the reply is lost and the service then is away", async () => {
    double.faults.cutReplyOfInsert();
    double.faults.unavailable(/GET .*\/jobs\//);

    const failure = await failureOf(warehouse.write(batchOf(["1"])));
    expect(failure).toMatchObject({ code: "WAREHOUSE_UNAVAILABLE", retryable: true });
    await opened(double.url).write(batchOf(["1"]));

    expect(jobIds()).toEqual(["batch-a1"]);
    expect(loaded()).toEqual(["1"]);
  });

  test("loads under the first id again when the insert never arrived", async () => {
    double.faults.unavailable(/POST .*\/jobs/);

    expect(await failureOf(warehouse.write(batchOf(["1"])))).toMatchObject({
      code: "WAREHOUSE_UNAVAILABLE",
      retryable: true,
    });
    await warehouse.write(batchOf(["1"]));

    expect(jobIds()).toEqual(["batch-a1"]);
  });

  test("waits for a job that is still running", async () => {
    double.faults.slowJobs(4);

    await Promise.all([warehouse.write(batchOf(["1"])), opened(double.url).write(batchOf(["1"]))]);

    expect(jobIds()).toEqual(["batch-a1"]);
    expect(loaded()).toEqual(["1"]);
  });

  test("takes the next id only after the failure of the one before was read", async () => {
    double.faults.failJob("backendError", 2);

    await warehouse.write(batchOf(["1"]));
    await warehouse.write(batchOf(["1"]));

    expect(jobIds()).toEqual(["batch-a1", "batch-a2", "batch-a3"]);
    expect(loaded()).toEqual(["1"]);
  });

  test("gives up after five failed jobs, for this call and every later one", async () => {
    double.faults.failJob("backendError", 10);

    expect(isAppError(await failureOf(warehouse.write(batchOf(["1"]))), "WAREHOUSE_LOAD_REJECTED")).toBe(true);
    expect(isAppError(await failureOf(warehouse.write(batchOf(["1"]))), "WAREHOUSE_LOAD_REJECTED")).toBe(true);

    expect(jobIds()).toHaveLength(5);
    expect(loaded()).toEqual([]);
  });

  test("refuses a batch that the service finds invalid, with one job", async () => {
    double.faults.failJob("invalid");

    expect(isAppError(await failureOf(warehouse.write(batchOf(["1"]))), "BATCH_REFUSED")).toBe(true);

    expect(jobIds()).toEqual(["batch-a1"]);
  });

  test("tells the caller to come back when the day's load jobs are used up, and then loads", async () => {
    await double.stop();
    let now = new Date("2026-03-01T12:00:00Z");
    double = await startBigQueryDouble({ limits: { loadJobsPerTableAndDay: 1 }, now: () => now });
    warehouse = opened(double.url);
    await warehouse.ensureDataset({ id: "d", label: "platform", location: "EU", description: "d" });
    await warehouse.ensureTable("d", STANDARD);
    await warehouse.write({ ...batchOf(["1"], "other") });

    expect(await failureOf(warehouse.write(batchOf(["1"])))).toMatchObject({
      code: "WAREHOUSE_UNAVAILABLE",
      retryable: true,
    });
    now = new Date("2026-03-02T00:10:00Z");
    await warehouse.write(batchOf(["1"]));

    expect(jobIds()).toEqual(["other-a1", "batch-a1", "batch-a2"]);
    expect(loaded()).toEqual(["1", "1"]);
  });

  test("refuses an id that another table used", async () => {
    await warehouse.write(batchOf(["1"]));
    await warehouse.ensureTable("d", { ...STANDARD, name: "elsewhere" });

    const failure = await failureOf(warehouse.write({ ...batchOf(["1"]), table: { ...STANDARD, name: "elsewhere" } }));

    expect(isAppError(failure, "BATCH_CONFLICT")).toBe(true);
  });

  test("reads a result of many pages whole", async () => {
    const costs = Array.from({ length: 25 }, (_, index) => String(index));
    await warehouse.write(batchOf(costs));
    double.faults.pageSize(10);

    const frame = await readCosts();

    expect(frame).toEqual(costs);
    expect(double.inspection.requests().filter((line) => line.includes("/queries"))).toHaveLength(3);
  });

  test.each([
    "read",
    "remove",
    "ensureDataset",
    "ensureTable",
    "addColumns",
    "ensureView",
    "replaceView",
    "readView",
    "describeDataset",
    "dropTable",
    "dropDataset",
  ])("%s tells that the service is away", async (verb) => {
    await warehouse.write(batchOf(["1"]));
    double.faults.unavailable(/./, 3);

    expect(await failureOf(call(verb))).toMatchObject({ code: "WAREHOUSE_UNAVAILABLE", retryable: true });
    await double.stop();
    expect(await failureOf(call(verb))).toMatchObject({ code: "WAREHOUSE_UNAVAILABLE", retryable: true });
  });

  test("makes views with named columns and standard SQL, none of it from texts of a file", async () => {
    await warehouse.ensureTable("d", STATE);
    await warehouse.ensureView("d", STATE_CURRENT);

    expect(double.inspection.table("d", STATE_CURRENT.name)).toMatchObject({
      type: "VIEW",
      description: STATE_CURRENT.description,
      view: { useLegacySql: false, query: expect.not.stringContaining("*") },
    });
    for (const equals of ["a' OR 'a' = 'a", "", "`", "x\n--", "\\"]) {
      const view = { ...ACTIVE_THINGS, where: [{ column: "org_slug", equals }] };
      expect(isAppError(await failureOf(warehouse.ensureView("d", view)), "BATCH_REFUSED"), equals).toBe(true);
    }
  });

  test("looks once at a view that is there, and asks for its table only to make it", async () => {
    await warehouse.ensureTable("d", STATE);
    await warehouse.ensureView("d", STATE_CURRENT);
    const before = double.inspection.requests().length;

    await warehouse.ensureView("d", STATE_CURRENT);

    expect(double.inspection.requests().slice(before)).toHaveLength(1);
  });

  test("of two that add columns at once neither loses the other's", async () => {
    const wider = { ...STANDARD, columns: [...NEWER_STANDARD.columns, column("x_more", "STRING")] };
    const source = { datasetId: "d", table: wider };

    const ended = await Promise.allSettled([
      warehouse.addColumns(source, ["x_credit"]),
      opened(double.url).addColumns(source, ["x_more"]),
    ]);
    await warehouse.addColumns(source, ["x_credit", "x_more"]);

    expect(ended.some(({ status }) => status === "fulfilled")).toBe(true);
    const { tables } = (await warehouse.describeDataset("d")) ?? { tables: [] };
    const names = tables.find(({ name }) => name === STANDARD.name)?.columns.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["x_credit", "x_more"]));
  });

  test("creates tables partitioned, clustered, described, and raw ones with a partition filter", () => {
    expect(double.inspection.table("d", EVERY_TYPE.name)).toMatchObject({
      description: EVERY_TYPE.description,
      timePartitioning: { type: "DAY", field: "usage_date" },
      clustering: { fields: ["x_batch_id", "provider"] },
      requirePartitionFilter: true,
    });
    expect(double.inspection.table("d", STANDARD.name)).toMatchObject({
      clustering: { fields: ["x_batch_id", "ServiceProviderName", "ServiceCategory", "SubAccountId"] },
      requirePartitionFilter: false,
    });
    expect(double.inspection.table("d", BY_INSTANT.name)).toMatchObject({ timePartitioning: { field: "sampled_at" } });
  });

  test("stores ids in a dataset label though labels have no capitals", async () => {
    const label = "org_01HZXJ5KQ8N3V7R2T4W6Y9ABCD";
    await warehouse.ensureDataset({ id: "theirs", label, location: "EU", description: "d" });

    expect(double.inspection.dataset("theirs")).toMatchObject({ labels: { ca_org_id: label.toLowerCase() } });
    expect((await warehouse.describeDataset("theirs"))?.label).toBe(label);
  });

  test("refuses to read or remove by batch where rows do not name their batch", async () => {
    const source = { datasetId: "d", table: HISTORY };

    expect(
      isAppError(
        await failureOf(warehouse.read(source, [{ batchId: "b", days: [DAY] }], ["event_id"])),
        "BATCH_REFUSED",
      ),
    ).toBe(true);
    expect(isAppError(await failureOf(warehouse.remove(source, ["b"])), "BATCH_REFUSED")).toBe(true);
  });

  async function readCosts(): Promise<string[]> {
    const frame = await warehouse.read(
      { datasetId: "d", table: STANDARD },
      [{ batchId: "batch", days: [DAY] }],
      ["BilledCost"],
    );
    return rowsOf(frame, STANDARD).map((row) => String(row["BilledCost"]));
  }

  function call(verb: string): Promise<unknown> {
    const source = { datasetId: "d", table: STANDARD };
    const calls: Record<string, () => Promise<unknown>> = {
      read: readCosts,
      remove: () => warehouse.remove(source, ["batch"]),
      ensureDataset: () => warehouse.ensureDataset({ id: "e", label: "platform", location: "EU", description: "d" }),
      ensureTable: () => warehouse.ensureTable("d", { ...STANDARD, name: "new" }),
      describeDataset: () => warehouse.describeDataset("d"),
      addColumns: () => warehouse.addColumns({ datasetId: "d", table: NEWER_STANDARD }, ["x_credit"]),
      ensureView: () => warehouse.ensureView("d", currentOf(HISTORY)),
      replaceView: () => warehouse.replaceView("d", currentOf(HISTORY)),
      readView: () => warehouse.readView("d", currentOf(HISTORY), ["event_id"]),
      dropTable: () => warehouse.dropTable("d", "platform", STANDARD.name),
      dropDataset: () => warehouse.dropDataset("d", "platform"),
    };
    return calls[verb]?.() ?? Promise.reject(new Error(`no call ${verb}`));
  }
});

function batchOf(costs: string[], batchId = "batch"): Batch {
  const rows = costs.map((cost, index) => ({
    BilledCost: cost,
    ServiceProviderName: "Acme",
    ServiceCategory: "AI",
    x_charge_date: DAY,
    x_row_id: String(index),
    x_org_slug: "acme",
    x_batch_id: batchId,
  }));
  const contentHash = createHash("sha256").update(costs.join()).digest("hex");
  return { datasetId: "d", table: STANDARD, batchId, contentHash, rows: frameOf(STANDARD, rows) };
}

function opened(apiEndpoint: string): Warehouse {
  const authClient = new OAuth2Client();
  authClient.setCredentials({ access_token: "test" });
  return bigqueryWarehouse({ projectId: "test-project", location: "EU", apiEndpoint, authClient, pace: PACE });
}
