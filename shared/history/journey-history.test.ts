import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call, type JourneyPlatform, onboard, startRun, watchRun } from "#scripts/e2e/journey.ts";
import { pathsBelow, type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { startSimulator } from "#scripts/simulate-providers/server.ts";
import { type Host, startHost } from "#scripts/start/host.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import { systemClock } from "#shared/platform/clock.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import { sqliteDocuments } from "#shared/platform/documents/sqlite-documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { createKeyRing } from "#shared/platform/keys/key-ring-file.ts";
import { frameOf } from "#shared/platform/warehouse/frame.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { HistoryMessage } from "#shared/runtime/change.ts";
import { type Configuration, readConfiguration } from "#shared/runtime/config.ts";
import { historyTopic, type OutboxDocument } from "#shared/runtime/outbox.ts";
import { broughtValues } from "./brought-rows.fixture.ts";
import { flushHistory } from "./flush.ts";

const rootKey = "root-key-of-the-tests-0123456789abcdef";
const silent = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };

describe("the history of a customer's journey", () => {
  let folder: string;
  let host: Host;
  let simulator: Awaited<ReturnType<typeof startSimulator>>;
  let documents: RecordedDocuments;
  let config: Configuration;
  let tables: Map<string, TableDefinition>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cost-atlas-"));
    simulator = await startSimulator({ now: "2026-08-10T12:00:00Z" });
    await createKeyRing(join(folder, "key-ring.json"));
    config = await readConfiguration({
      ENVIRONMENT: "test",
      PORT: "0",
      CA_DATA_DIR: folder,
      CA_ROOT_API_KEY: rootKey,
      CA_PROVIDER_SIMULATOR_URL: simulator.url,
    });
    const declared = async () => declareQueries(await configFile("documents/indexes.yml"));
    documents = recordedDocuments(sqliteDocuments({ file: ":memory:", clock: systemClock, declared }));
    host = await startHost({ config, log: silent, ticks: false, ports: { documents } });
    const configs = await Promise.all([loadTableConfig("bootstrap"), loadTableConfig("organizations")]);
    tables = new Map(configs.flatMap((each) => each.tables).map((table) => [table.name, table]));
    await journey({ url: host.url, rootKey, simulatorUrl: simulator.url });
  }, 120_000);
  afterAll(async () => {
    await host.stop();
    await simulator.stop();
    await documents.close();
    await rm(folder, { recursive: true, force: true });
  });

  function messages(): HistoryMessage[] {
    return pathsBelow(documents, "outbox/")
      .map((path) => documents.stored.get(path) as unknown as OutboxDocument)
      .filter(({ topic }) => topic === historyTopic)
      .map(({ payload }) => payload as HistoryMessage);
  }

  /** Rows written for each table, the same row of two messages counted twice. */
  function written(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { datasetId, table, rows } of messages()) {
      const place = `${datasetId ?? "organizations"}/${table}`;
      counts.set(place, (counts.get(place) ?? 0) + rows.length);
    }
    return counts;
  }

  it("covers every table the first path writes, and every row has the table's columns and types", () => {
    const faults = messages().flatMap(({ table: name, rows }) => {
      const table = tables.get(name);
      if (table === undefined) return [`${name}: no such table`];
      return rows.flatMap((row) => {
        try {
          frameOf(table, [row]);
          return [];
        } catch (error) {
          return [`${name}: ${String(error)}`];
        }
      });
    });

    expect(faults).toEqual([]);
    expect([...written().keys()].sort()).toEqual([
      "Acme_test/published_batches",
      "organizations/org_api_keys",
      "organizations/org_audit_logs",
      "organizations/org_hierarchy_levels",
      "organizations/org_integration_credentials",
      "organizations/org_meta_dq_results",
      "organizations/org_meta_pipeline_runs",
      "organizations/org_meta_state_transitions",
      "organizations/org_meta_step_logs",
      "organizations/org_notification_channels",
      "organizations/org_notification_rules",
      "organizations/org_pipeline_configs",
      "organizations/org_profiles",
      "organizations/org_subscriptions",
      "organizations/org_usage_quotas",
    ]);
  });

  it("begins with CREATE, and no two rows of a thing have one version", () => {
    const versions = new Map<string, unknown[]>();
    for (const { table: name, rows } of messages()) {
      const table = tables.get(name);
      if (table?.kind !== "state") continue;
      for (const row of rows) {
        const key = [name, ...table.key.map((column) => row[column])].join(" ");
        versions.set(key, [...(versions.get(key) ?? []), [Number(row["version"]), row["operation"]]]);
      }
    }

    const wrong = [...versions].filter(([, own]) => {
      const sorted = (own as [number, string][]).sort(([one], [other]) => one - other);
      return sorted.some(
        ([version, operation], at) => version === sorted[at - 1]?.[0] || (operation === "CREATE") !== (at === 0),
      );
    });
    expect(wrong).toEqual([]);
  });

  it("comes to the warehouse whole, every row once", async () => {
    const expected = written();

    await flushHistory({ documents, warehouse: host.ports.warehouse, ids: systemIds });

    for (const [place, count] of expected) {
      const [datasetId = "", name = ""] = place.split("/");
      const table = tables.get(name);
      if (table === undefined) throw new Error(`no table ${name}`);
      const column = table.kind === "journal" ? "publication_id" : "event_id";
      const values = await broughtValues({ datasetId, table }, column, { config, warehouse: host.ports.warehouse });
      expect(values, place).toHaveLength(count);
      if (column === "event_id") expect(new Set(values).size, place).toBe(count);
    }
  });

  /** Onboards, connects, validates, runs, restates nothing, cancels, fails and disconnects. */
  async function journey(platform: JourneyPlatform): Promise<void> {
    const key = await onboard(platform, "Acme", "history1");
    const headers = { "x-api-key": key };
    await watchRun(
      platform,
      "Acme",
      key,
      await startRun(platform, "Acme", key, { start_date: "2026-07-01", end_date: "2026-07-05" }),
    );
    const validated = await call(platform, "POST", "/api/v1/integrations/Acme/openai/validate", { headers, body: {} });
    expect(validated.status).toBe(200);
    const cancelled = await startRun(platform, "Acme", key, { start_date: "2026-06-01", end_date: "2026-06-30" });
    await call(platform, "POST", `/api/v1/pipelines/Acme/runs/${cancelled}/cancel`, {
      headers,
      body: { reason: "test" },
    });
    await watchRun(platform, "Acme", key, cancelled);
    await fetch(`${simulator.url}/__sim/faults`, {
      method: "PUT",
      body: JSON.stringify({ provider: "openai", mode: "key-revoked-midway", account: "history1" }),
    });
    const failed = await watchRun(
      platform,
      "Acme",
      key,
      await startRun(platform, "Acme", key, { start_date: "2026-05-01", end_date: "2026-05-02" }),
    );
    expect(failed["status"]).toBe("FAILED");
    const removed = await call(platform, "DELETE", "/api/v1/integrations/Acme/openai", { headers });
    expect(removed.status, JSON.stringify(removed.body)).toBe(200);
    await host.idle();
  }
});
