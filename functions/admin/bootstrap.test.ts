import { beforeEach, describe, expect, it } from "vitest";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";

type Body = Record<string, unknown>;

let host: Host;
beforeEach(async () => {
  host = await testHost();
});

async function call(method: string, path: string, body?: string): Promise<{ status: number; body: Body }> {
  const response = await fetch(`${host.url}/api/v1/admin/bootstrap${path}`, {
    method,
    headers: { "x-ca-root-key": rootKey },
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, body: (await response.json()) as Body };
}

describe("bootstrap", () => {
  it.each([undefined, "{}", ""])("takes the body %j, and answers for a platform that stands", async (body) => {
    const { tables, extensionTables } = await loadTableConfig("bootstrap");
    await call("POST", "", body);

    const again = await call("POST", "", body);

    const names = tables.map(({ name }) => name).sort();
    expect(again.status, JSON.stringify(again.body)).toBe(200);
    expect(again.body).toMatchObject({
      status: "UNCHANGED",
      dataset_created: false,
      total_tables: tables.length,
      created_tables: [],
      existing_tables: names,
      tables_existed: names,
      recreated_tables: [],
      extension_tables: extensionTables.map(({ name }) => name).sort(),
    });
    expect(again.body["views"]).toEqual(expect.arrayContaining(["org_kms_keys", "org_audit_logs_current"]));
  });

  it("makes tables anew on a development installation", async () => {
    await call("POST", "");

    const { status, body } = await call("POST", "", '{"force_recreate_tables":true}');

    expect([status, body["status"]]).toEqual([200, "RECREATED"]);
    expect(body["recreated_tables"]).toContain("org_profiles");
    expect((await call("GET", "/status?force_refresh=true")).body["status"]).toBe("SYNCED");
  });

  it("makes no table anew elsewhere, and never a dataset", async () => {
    host = await testHost({ config: { ...(await testConfiguration()), ENVIRONMENT: "staging" } });

    const tables = await call("POST", "", '{"force_recreate_tables":true}');
    const dataset = await call("POST", "", '{"force_recreate_dataset":true}');

    expect([tables.status, tables.body["error"]]).toEqual([403, "DEVELOPMENT_ONLY"]);
    expect([dataset.status, dataset.body["error"]]).toEqual([422, "INVALID_BODY"]);
  });

  it("tells its status and syncs", async () => {
    await call("POST", "");
    await host.ports.warehouse.dropTable("organizations", "platform", "org_audit_logs");

    const before = await call("GET", "/status?force_refresh=true");
    const synced = await call("POST", "/sync", '{"sync_missing_columns":true}');
    const after = await call("GET", "/status");

    expect(before.body).toMatchObject({ status: "OUT_OF_SYNC", tables_missing: ["org_audit_logs"] });
    expect([synced.status, synced.body]).toMatchObject([
      200,
      { status: "SYNCED", tables_created: ["org_audit_logs"], columns_added: {}, errors: [] },
    ]);
    expect(after.body).toMatchObject({ status: "SYNCED", dataset_exists: true, tables_missing: [], tables_extra: [] });
  });
});
