import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { startSimulator } from "#scripts/simulate-providers/server.ts";
import { apiOf, type Body, rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";

const root = { "x-ca-root-key": rootKey };
let host: Host;
let key: string;
const { call, onboarded } = apiOf(() => ({ host, key }));

beforeEach(async () => {
  const simulator = await startSimulator();
  onTestFinished(() => simulator.stop());
  const settings = { RATE_LIMIT_ENABLED: "false", CA_PROVIDER_SIMULATOR_URL: simulator.url };
  host = await testHost({ config: await testConfiguration(settings) });
  await call("POST", "/admin/bootstrap", {}, root);
  key = await onboarded("acme");
}, 60_000);

const address = "/pipelines/run/platform/platform/fx_rates";

async function ended(runId: string): Promise<Body> {
  return vi.waitFor(
    async () => {
      const { body } = await call("GET", `/pipelines/platform/runs/${runId}`, undefined, root);
      expect(body["status"]).toBe("COMPLETED");
      return body;
    },
    { timeout: 20_000, interval: 100 },
  );
}

describe("a pipeline of the platform", () => {
  it("is run, read and run again by the operator, with the word platform in place of an organization", async () => {
    const started = await call("POST", address, {}, root);
    const runId = String(started.body["run_id"]);
    const run = await ended(runId);
    const at = `/pipelines/platform/runs/${runId}`;
    const listed = await call("GET", "/pipelines/platform/runs?pipeline_id=platform-fx-rates", undefined, root);
    const steps = await call("GET", `${at}/steps`, undefined, root);
    const transitions = await call("GET", `${at}/transitions`, undefined, root);
    const retried = await call("POST", `${at}/retry`, undefined, root);
    await ended(String(retried.body["new_run_id"]));
    const cancelled = await call("POST", `${at}/cancel`, {}, root);

    expect([started.status, started.body["org_slug"], run["pipeline_id"]]).toEqual([
      202,
      "platform",
      "platform-fx-rates",
    ]);
    expect((run["result"] as { published_days: string[] }).published_days.length).toBeGreaterThan(50);
    expect((listed.body["runs"] as Body[]).map((each) => each["run_id"])).toEqual([runId]);
    expect((steps.body["steps"] as Body[]).map((each) => each["status"])).toEqual(["COMPLETED"]);
    expect((transitions.body["transitions"] as Body[]).length).toBeGreaterThan(3);
    expect(retried.status).toBe(202);
    expect([cancelled.status, cancelled.body["status"]]).toEqual([200, "COMPLETED"]);
    const rates = await call("GET", "/fx/rates?symbols=USD");
    expect(rates.body).toMatchObject({ source: "ecb-simulated", stale: false });
    const audit = await call("GET", "/admin/audit-logs/_platform?action=run.requested", undefined, root);
    expect((audit.body["logs"] as Body[]).map((row) => row["resource_id"])).toContain(runId);
    const loads = await call("GET", "/admin/audit-logs/_platform?action=fx.loaded", undefined, root);
    expect((loads.body["logs"] as Body[]).length).toBeGreaterThan(1);
  });

  it("is nobody's but the platform's, and an organization's pipeline is not the platform's", async () => {
    const foreign = await call("POST", address, {});
    const own = await call("POST", "/pipelines/run/acme/platform/fx_rates", {});
    const operator = await call("POST", "/pipelines/run/acme/platform/fx_rates", {}, root);
    const tenant = await call("POST", "/pipelines/run/platform/saas/cost/subscription_costs", {}, root);
    const backfill = await call("POST", "/pipelines/acme/backfills", {
      ...{ pipeline_id: "platform-fx-rates", start_date: "2026-01-01" },
    });
    const reads = await call("GET", "/pipelines/platform/runs");
    const costs = await call("GET", "/costs/platform/summary", undefined, root);

    expect([foreign.status, foreign.body["error"]]).toEqual([403, "ORG_MISMATCH"]);
    for (const refused of [own, operator, tenant, backfill])
      expect([refused.status, refused.body["error"]]).toEqual([404, "PIPELINE_NOT_FOUND"]);
    expect([reads.status, reads.body["error"]]).toEqual([403, "ORG_MISMATCH"]);
    expect([costs.status, costs.body["error"]]).toEqual([404, "ORG_NOT_FOUND"]);
    const listed = await call("GET", "/pipelines/platform/runs", undefined, root);
    expect(listed.body["runs"]).toEqual([]);
  });

  it("takes days of the last month only: there are no backfills of it", async () => {
    const old = await call("POST", address, { start_date: "2026-01-01", end_date: "2026-03-31" }, root);

    expect([old.status, old.body["error"]]).toEqual([422, "BEFORE_HISTORY"]);
  });
});
