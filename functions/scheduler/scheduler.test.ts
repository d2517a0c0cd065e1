import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import type { HttpFunction } from "#shared/runtime/declaration.ts";
import { httpHandler } from "#shared/runtime/http-handler.ts";
import { pathMatcher } from "#shared/runtime/path-matcher.ts";
import type { Given, PortName } from "#shared/runtime/ports.ts";
import quotaCleanupStale from "../admin/quota-cleanup-stale.ts";
import quotaResetDaily from "../admin/quota-reset-daily.ts";
import quotaResetMonthly from "../admin/quota-reset-monthly.ts";
import integrationDelete from "../integrations/integration-delete.ts";
import integrationSetup from "../integrations/integration-setup.ts";
import organizationLocaleUpdate from "../organizations/organization-locale-update.ts";
import backfillCancel from "../pipelines/backfill-cancel.ts";
import backfillCreate from "../pipelines/backfill-create.ts";
import backfillGet from "../pipelines/backfill-get.ts";
import backfillPause from "../pipelines/backfill-pause.ts";
import backfillResume from "../pipelines/backfill-resume.ts";
import backfillsList from "../pipelines/backfills-list.ts";
import pipelineRun from "../pipelines/pipeline-run.ts";
import pipelineStatus from "../pipelines/pipeline-status.ts";
import saasPlanCreate from "../subscriptions/saas-plan-create.ts";
import scheduleCreate from "./schedule-create.ts";
import scheduleDelete from "./schedule-delete.ts";
import scheduleGet from "./schedule-get.ts";
import scheduleUpdate from "./schedule-update.ts";
import schedulerProcessQueue from "./scheduler-process-queue.ts";
import schedulerQueue from "./scheduler-queue.ts";
import schedulerResetConcurrentCounter from "./scheduler-reset-concurrent-counter.ts";
import schedulerStatus from "./scheduler-status.ts";
import schedulerTrigger from "./scheduler-trigger.ts";
import schedulesList from "./schedules-list.ts";

const rootKey = "root-key-of-the-tests-0123456789abcdef";
const functions: Record<string, HttpFunction> = {
  ...{ integrationSetup, integrationDelete, saasPlanCreate, organizationLocaleUpdate, pipelineRun, pipelineStatus },
  ...{ backfillCreate, backfillsList, backfillGet, backfillPause, backfillResume, backfillCancel },
  ...{ schedulesList, scheduleCreate, scheduleGet, scheduleUpdate, scheduleDelete },
  ...{ schedulerTrigger, schedulerQueue, schedulerProcessQueue, schedulerStatus },
  ...{ quotaResetDaily, quotaResetMonthly },
  ...{ quotaCleanupStale, schedulerResetConcurrentCounter },
};
const own = "scheduler/org/acme/pipelines";

type Body = Record<string, unknown>;

describe("the scheduler area over HTTP", () => {
  let world: World;
  let server: Server;
  let key: string;

  beforeAll(async () => {
    world = await startWorld();
    const given = world.ports as unknown as Given<PortName>;
    const handlers = Object.entries(functions).map(([name, fn]) => {
      const { method, path, aliases = [] } = fn.declaration;
      return { method, matches: pathMatcher({ path, aliases }), handle: httpHandler(name, fn, given) };
    });
    server = createServer(async (request, response) => {
      const path = (request.url ?? "").split("?", 1)[0] ?? "";
      const found = handlers.find(({ method, matches }) => method === request.method && matches(path) !== undefined);
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      if (chunks.length > 0) Object.assign(request, { rawBody: Buffer.concat(chunks) });
      if (found === undefined) response.writeHead(404).end("{}");
      else await found.handle(request, response);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    ({ apiKey: key } = await world.onboarded("acme", "PROFESSIONAL"));
    const connected = await call("POST", "integrations/acme/openai/setup", { api_key: "sk-admin-sim-scheduleaccount" });
    expect(connected, JSON.stringify(connected.body)).toMatchObject({ status: 200 });
  }, 60_000);
  afterAll(async () => {
    server.close();
    await world.stop();
  });

  async function call(
    method: string,
    path: string,
    body?: unknown,
    as: "key" | "root" = "key",
  ): Promise<{ status: number; body: Body }> {
    const { port } = server.address() as AddressInfo;
    const headers: Record<string, string> = as === "key" ? { "x-api-key": key } : { "x-ca-root-key": rootKey };
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Body };
  }

  const list = async (): Promise<Body[]> => (await call("GET", own)).body as unknown as Body[];

  it("brings a schedule with an integration, and says when its pipeline runs next", async () => {
    const [first, ...others] = await list();
    const status = await call("GET", "pipelines/status/acme");

    expect(others).toEqual([]);
    expect(first).toMatchObject({
      ...{ pipeline_id: "openai-cost-usage-cost", source: "default", schedule_cron: "0 2 * * *", timezone: "UTC" },
      ...{ is_active: true, paused_reason: null, nominal_time: "2026-08-11T02:00:00.000Z", version: 1 },
    });
    expect(status.body["pipelines"]).toMatchObject({
      "openai-cost-usage-cost": { next_run_time: first?.["next_run_time"] },
    });
    expect(await call("GET", `${own}/${first?.["config_id"]}`)).toEqual({ status: 200, body: first });
  });

  it("makes, changes and deletes schedules, each as it says", async () => {
    const wanted = { provider: "openai", domain: "cost", pipeline_template: "usage_cost", schedule_cron: "30 5 * * 1" };
    const created = await call("POST", own, { ...wanted, timezone: "Asia/Kolkata", priority: 8 });
    const path = `${own}/${created.body["config_id"]}`;
    const second = await call("POST", own, wanted);
    const changed = await call("PATCH", path, { schedule_cron: "0 6 * * *", version: 1 });
    const stale = await call("PATCH", path, { is_active: false, version: 1 });
    const stopped = await call("PATCH", path, { is_active: false, version: 2 });
    const deleted = await call("DELETE", path);

    expect(created).toMatchObject({
      status: 201,
      body: { source: "custom", priority: 8, nominal_time: "2026-08-17T00:00:00.000Z", last_run_status: null },
    });
    expect(second).toMatchObject({ status: 409, body: { error: "SCHEDULE_EXISTS" } });
    expect(changed).toMatchObject({ status: 200, body: { nominal_time: "2026-08-11T00:30:00.000Z", version: 2 } });
    expect(stale).toMatchObject({ status: 409, body: { error: "VERSION_CONFLICT" } });
    expect(stopped).toMatchObject({ status: 200, body: { is_active: false, next_run_time: null } });
    expect(deleted).toMatchObject({ status: 200, body: { success: true } });
    expect(await call("GET", path)).toMatchObject({ status: 404, body: { error: "SCHEDULE_NOT_FOUND" } });
  });

  it.each([
    [{ schedule_cron: "@daily" }, 422, "INVALID_CRON"],
    [{ schedule_cron: "0 4 30 2 *" }, 422, "SCHEDULE_NEVER_FIRES"],
    [{ schedule_cron: "*/30 * * * *" }, 422, "SCHEDULE_TOO_FREQUENT"],
    [{ timezone: "Mars/Olympus" }, 422, "INVALID_BODY"],
    [{ pipeline_id: "no-such-pipeline" }, 404, "PIPELINE_NOT_FOUND"],
    [{ credential_id: "cred_of_nobody" }, 404, "CREDENTIAL_NOT_FOUND"],
    [{ parameters: { nothing: 1 } }, 422, "INVALID_BODY"],
  ])("refuses a schedule with %j", async (wrong, status, error) => {
    const right = { pipeline_id: "openai-cost-usage-cost", schedule_cron: "11 11 * * *" };

    expect(await call("POST", own, { ...right, ...wrong })).toMatchObject({ status, body: { error } });
    expect(await list()).toHaveLength(1);
  });

  it("moves schedules with the organization's zone", async () => {
    await call("PUT", "organizations/acme/locale", { default_timezone: "America/New_York" });
    const [moved] = await list();
    await call("PUT", "organizations/acme/locale", { default_timezone: "UTC" });

    expect(moved).toMatchObject({ timezone: "America/New_York", nominal_time: "2026-08-11T06:00:00.000Z" });
    expect((await list())[0]).toMatchObject({ timezone: "UTC", nominal_time: "2026-08-11T02:00:00.000Z" });
  });

  it("runs one schedule at once without moving its next firing, shows the queue and the status", async () => {
    const [before] = await list();
    const triggered = await call("POST", "scheduler/trigger", { config_id: before?.["config_id"] });
    const [after] = await list();
    const queue = await call("GET", "scheduler/queue?state=processing");
    const all = await call("GET", "scheduler/queue?org_slug=acme", undefined, "root");
    const status = await call("GET", "scheduler/status", undefined, "root");

    expect(triggered).toMatchObject({ status: 200, body: { triggered_count: 1, queued_count: 0, skipped_count: 0 } });
    expect(after).toMatchObject({
      next_run_time: before?.["next_run_time"],
      last_period: null,
      last_run_status: "PENDING",
    });
    const item = { run_id: after?.["last_run_id"], org_slug: "acme", state: "PROCESSING", position: null };
    expect(queue.body).toMatchObject({ queue: [item], queue_length: 0, next_cursor: null });
    expect(all.body).toMatchObject({ queue: [item] });
    expect(status).toMatchObject({
      status: 200,
      body: { total_active_pipelines: 1, pipelines_due_now: 0, queue_length: 0 },
    });
    expect((await call("GET", "scheduler/queue?limit=1", undefined, "root")).body["queue"]).toMatchObject([item]);
  });

  it("triggers what is due for the key's organization, and for all with the root key", async () => {
    world.clock.set("2026-08-11T02:30:00Z");
    const ownDue = await call("POST", "scheduler/trigger", {});
    const again = await call("POST", "scheduler/trigger", {}, "root");

    expect(ownDue.body).toMatchObject({
      triggered_count: 1,
      details: { due_pipelines_found: 1, limit: 100, skipped: [] },
    });
    expect(again.body).toMatchObject({ triggered_count: 0, details: { due_pipelines_found: 0 } });
    expect(String(again.body["next_trigger_time"])).toMatch(/^2026-08-12T02:/);
  });

  it("keeps the older schedulers' resets, and processes a queue that is empty", async () => {
    for (const path of [
      "reset-daily-quotas",
      "reset-monthly-quotas",
      "reset-stale-concurrent",
      "reset-concurrent-counter/acme",
    ])
      expect(await call("POST", `scheduler/${path}`, {}, "root")).toMatchObject({
        status: 200,
        body: { success: true },
      });
    expect(await call("POST", "scheduler/reset-concurrent-counter/nobody", {}, "root")).toMatchObject({ status: 404 });
    expect(await call("POST", "scheduler/process-queue", {}, "root")).toMatchObject({
      status: 200,
      body: { processed: false, processed_count: 0, started_pipelines: [], status: "IDLE" },
    });
  });

  it("switches off what the integration brought instead of deleting it", async () => {
    const [schedule] = await list();
    const path = `${own}/${schedule?.["config_id"]}`;
    await call("DELETE", path);
    await call("POST", "integrations/acme/openai/setup", { api_key: "sk-admin-sim-scheduleaccount" });

    expect((await list())[0]).toMatchObject({ is_active: false, next_run_time: null });
    await call("PATCH", path, { is_active: true });
    expect((await list())[0]).toMatchObject({ is_active: true, paused_reason: null });
  });

  it("answers a run of more than 31 days with a backfill, plans one, and pauses, resumes, cancels it", async () => {
    const days = { start_date: "2026-03-15", end_date: "2026-07-10" };
    const plan = await call("POST", "pipelines/acme/backfills", {
      pipeline_id: "openai-cost-usage-cost",
      ...days,
      dry_run: true,
    });
    const run = await call("POST", "pipelines/run/acme/openai/cost/usage_cost", days);
    const id = String(run.body["backfill_id"]);
    const again = await call("POST", "pipelines/acme/backfills", {
      provider: "openai",
      domain: "cost",
      pipeline: "usage_cost",
      ...days,
    });
    const read = await call("GET", `pipelines/acme/backfills/${id}`);
    const states = [];
    for (const verb of ["pause", "resume", "cancel", "cancel"])
      states.push((await call("POST", `pipelines/acme/backfills/${id}/${verb}`, {})).body);

    expect(plan).toMatchObject({
      status: 200,
      body: { backfill_id: null, run_id: null, progress: { chunks_total: 5 } },
    });
    expect(run).toMatchObject({ status: 202, body: { range: { days: 118 }, duplicate: false, status: "PENDING" } });
    expect(again).toMatchObject({ status: 409, body: { error: "BACKFILL_OVERLAPS" } });
    expect(read.body).toMatchObject({ backfill_id: id, run_id: run.body["run_id"], state: "ACTIVE" });
    expect(states).toMatchObject([
      { state: "PAUSED" },
      { state: "ACTIVE" },
      { state: "CANCELLED" },
      { error: "WRONG_STATE" },
    ]);
    expect((await call("GET", "pipelines/acme/backfills?state=cancelled")).body["backfills"]).toHaveLength(1);
    expect(await call("GET", "pipelines/acme/backfills/bf_01ARZ3NDEKTSV4RRFFQ69G5FAV")).toMatchObject({ status: 404 });
  });

  it("brings the schedule that charges plans with the first plan, once", async () => {
    const path = "subscriptions/acme/providers/slack/plans";
    const plan = { plan_name: "PRO", unit_price: "8.75", seats: 3, start_date: "2026-08-01" };
    const none = (await list()).filter(({ provider }) => provider === "saas");
    const first = await call("POST", path, plan);
    const [made, ...others] = (await list()).filter(({ provider }) => provider === "saas");
    const second = await call("POST", path, { ...plan, plan_name: "BUSINESS" });
    const after = (await list()).filter(({ provider }) => provider === "saas");

    expect([none, first.status, second.status, others]).toEqual([[], 201, 201, []]);
    expect(made).toMatchObject({
      ...{ pipeline_id: "saas-cost-subscription-costs", source: "default", is_active: true, paused_reason: null },
    });
    expect(Date.parse(String(made?.["next_run_time"]))).toBeGreaterThan(world.clock.now().getTime());
    expect(after).toEqual([made]);
  });

  it("pauses what nothing can run for once the last credential goes, and lets it go on with the next", async () => {
    const openai = async (): Promise<Body[]> => (await list()).filter(({ provider }) => provider === "openai");
    const second = { api_key: "sk-admin-sim-secondaccount", credential_name: "second" };
    await call("POST", "integrations/acme/openai/setup", second);
    const deleted = [];
    for (const name of ["second", "default"]) {
      const { status } = await call("DELETE", `integrations/acme/openai?credential_name=${name}`);
      deleted.push([
        status,
        (await openai()).map(({ paused_reason, next_run_time }) => [paused_reason, next_run_time]),
      ]);
    }
    await call("POST", "integrations/acme/openai/setup", { api_key: "sk-admin-sim-scheduleaccount" });
    const [again] = await openai();

    expect(deleted).toEqual([
      [200, [[null, again?.["next_run_time"]]]],
      [200, [["INTEGRATION_NOT_CONFIGURED", null]]],
    ]);
    expect(again).toMatchObject({ is_active: true, paused_reason: null });
  });
});
