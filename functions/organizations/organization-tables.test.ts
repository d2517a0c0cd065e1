import { beforeEach, describe, expect, it } from "vitest";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";
import { datasetViews } from "#shared/bootstrap/dataset-views.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import type { View } from "#shared/platform/warehouse/view.ts";

type Body = Record<string, unknown>;

const root = { "x-ca-root-key": rootKey };
const datasetId = "Tabled_test";
let host: Host;
let key: Record<string, string>;
let names: string[];
let views: View[];
let label: string;
beforeEach(async () => {
  host = await testHost({ config: await testConfiguration({ RATE_LIMIT_ENABLED: "false" }) });
  await call("POST", "/admin/bootstrap", {});
  const request = { org_slug: "Tabled", company_name: "Tabled Inc.", admin_email: "a@example.com" };
  const { body } = await call("POST", "/organizations/onboard", request);
  key = { "x-api-key": String(body["api_key"]) };
  label = String(body["org_id"]);
  const config = await loadTableConfig("organizations");
  names = config.tables.map(({ name }) => name).sort();
  views = datasetViews(config).flat();
});

async function call(
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = root,
): Promise<{ status: number; body: Body }> {
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`${host.url}/api/v1${path}`, { method, headers, ...text });
  return { status: response.status, body: (await response.json()) as Body };
}

const status = async (slug = "tabled"): Promise<Body> => (await call("GET", `/organizations/${slug}/status`)).body;
const stored = async (): Promise<OrgDocument> => {
  const { body } = await host.ports.documents.get<OrgDocument>("orgs/tabled");
  if (body === undefined) throw new Error("no organization");
  return body;
};
const audits = async (action: string): Promise<number> => {
  const { body } = await call("GET", "/admin/audit-logs/Tabled?limit=100");
  return (body["logs"] as Body[]).filter((row) => row["action"] === action).length;
};

describe("the tables of an organization", () => {
  it("stand as configured after onboarding, with every view", async () => {
    expect(await status()).toMatchObject({
      status: "SYNCED",
      profile_exists: true,
      dataset_exists: true,
      tables_expected: names.length,
      tables_existing: names,
      tables_missing: [],
      schema_diffs: {},
    });
    const described = await host.ports.warehouse.describeDataset(datasetId);
    expect(described?.views).toEqual(views.map(({ name }) => name).sort());
  });

  it("are looked at, synced and repaired by the operator alone", async () => {
    const refused = await Promise.all([
      call("GET", "/organizations/Tabled/status", undefined, key),
      call("POST", "/organizations/Tabled/sync", {}, key),
      call("POST", "/organizations/Tabled/repair-tables", {}, key),
    ]);

    expect(refused.map((answer) => answer.status)).toEqual([403, 403, 403]);
  });

  it("come back by a sync when they are missing, and what stands keeps its rows", async () => {
    await host.ports.warehouse.dropTable(datasetId, label, "saas_costs_daily");

    const before = await status();
    const told = await call("POST", "/organizations/Tabled/sync", { sync_missing_tables: false });
    const synced = await call("POST", "/organizations/Tabled/sync", {});

    expect(before).toMatchObject({ status: "OUT_OF_SYNC", tables_missing: ["saas_costs_daily"] });
    expect(told.body).toMatchObject({ status: "OUT_OF_SYNC", tables_created: [] });
    expect(synced.body).toMatchObject({
      status: "SYNCED",
      dataset_created: false,
      tables_created: ["saas_costs_daily"],
      columns_added: {},
      views_created: [],
      errors: [],
    });
    expect((await stored()).ledgerEpoch).toBe(1);
    expect(await audits("organization.synced")).toBe(2);
  });

  it("have their views made anew when told to", async () => {
    const { body } = await call("POST", "/organizations/Tabled/sync", { recreate_views: true });

    expect(body["views_created"]).toEqual(views.map(({ name }) => name).sort());
  });

  it.each(["/organizations/Tabled/repair-tables", "/TABLED/repair-tables"])("are repaired by POST %s", async (path) => {
    await host.ports.warehouse.dropTable(datasetId, label, "published_batches");

    const { status: code, body } = await call("POST", path);

    expect(code).toBe(200);
    expect(body).toMatchObject({
      dataset_id: datasetId,
      tables_created: ["published_batches"],
      tables_existing: names.filter((name) => name !== "published_batches"),
      tables_failed: [],
    });
    expect((await status())["status"]).toBe("SYNCED");
  });

  it("are made in a new dataset where theirs is gone, and the ledger's months count as empty", async () => {
    await host.ports.warehouse.dropDataset(datasetId, label);

    const gone = await status();
    const { body } = await call("POST", "/organizations/Tabled/sync", {});

    expect(gone).toMatchObject({ status: "NOT_PROVISIONED", profile_exists: true, dataset_exists: false });
    expect(body).toMatchObject({ status: "SYNCED", dataset_created: true, tables_created: names });
    expect(await stored()).toMatchObject({ ledgerEpoch: 2, cacheEpoch: 2 });
    expect((await host.ports.warehouse.describeDataset(datasetId))?.label).toBe(label);
  });

  it("are left alone where the dataset of their name is somebody else's", async () => {
    await host.ports.warehouse.dropDataset(datasetId, label);
    const theirs = { id: datasetId, label: "org_01HZXJ5KQ8N3V7R2T4W6Y9ABCD", location: "US", description: "theirs" };
    await host.ports.warehouse.ensureDataset(theirs);

    const answers = await Promise.all([
      call("POST", "/organizations/Tabled/sync", {}),
      call("POST", "/organizations/Tabled/repair-tables", {}),
    ]);

    expect(answers.map(({ status: code, body }) => [code, body["error"]])).toEqual([
      [409, "DATASET_NOT_OURS"],
      [409, "DATASET_NOT_OURS"],
    ]);
    expect((await status())["status"]).toBe("OUT_OF_SYNC");
    expect((await host.ports.warehouse.describeDataset(datasetId))?.tables).toEqual([]);
  });

  it.each(["nobody", "a", "..", "__x__"])("of %j are 404", async (slug) => {
    const path = `/organizations/${encodeURIComponent(slug)}`;
    const codes = await Promise.all([
      call("GET", `${path}/status`),
      call("POST", `${path}/sync`, {}),
      call("POST", `${path}/repair-tables`, {}),
    ]);

    expect(codes.map((answer) => answer.status)).toEqual([404, 404, 404]);
  });

  it("tells of a dataset without an organization", async () => {
    await host.ports.warehouse.ensureDataset({ id: "left_test", label: "org_x", location: "US", description: "left" });

    expect(await status("left")).toMatchObject({ status: "OUT_OF_SYNC", profile_exists: false, dataset_exists: true });
  });
});
