import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import type { HttpFunction } from "#shared/runtime/declaration.ts";
import { httpHandler } from "#shared/runtime/http-handler.ts";
import { pathMatcher } from "#shared/runtime/path-matcher.ts";
import type { Given, PortName } from "#shared/runtime/ports.ts";
import validatorComplete from "../validator/validator-complete.ts";
import validatorPipelineGet from "../validator/validator-pipeline-get.ts";
import validatorPipelinesList from "../validator/validator-pipelines-list.ts";
import validatorValidate from "../validator/validator-validate.ts";
import ownRunGet from "./own-run-get.ts";
import ownRunsList from "./own-runs-list.ts";
import pipelineCacheMetrics from "./pipeline-cache-metrics.ts";
import pipelineRun from "./pipeline-run.ts";
import pipelineRunById from "./pipeline-run-by-id.ts";
import pipelineRunCategory from "./pipeline-run-category.ts";
import pipelineRunShort from "./pipeline-run-short.ts";
import pipelineStatus from "./pipeline-status.ts";
import procedureGet from "./procedure-get.ts";
import proceduresList from "./procedures-list.ts";
import proceduresSync from "./procedures-sync.ts";
import quarantineList from "./quarantine-list.ts";
import quarantineRelease from "./quarantine-release.ts";
import runCancel from "./run-cancel.ts";
import runDownload from "./run-download.ts";
import runGet from "./run-get.ts";
import runQuality from "./run-quality.ts";
import runRetry from "./run-retry.ts";
import runSteps from "./run-steps.ts";
import runTransitions from "./run-transitions.ts";
import runsList from "./runs-list.ts";

const rootKey = "root-key-of-the-tests-0123456789abcdef";
/** Literal paths first, as at the front door. */
const functions: Record<string, HttpFunction> = {
  ...{ pipelineCacheMetrics, ownRunsList, ownRunGet, pipelineStatus, pipelineRunById, pipelineRunShort },
  ...{
    pipelineRun,
    pipelineRunCategory,
    runsList,
    runGet,
    runSteps,
    runTransitions,
    runQuality,
    runDownload,
    runRetry,
    runCancel,
  },
  ...{ validatorPipelinesList, validatorPipelineGet, validatorValidate, validatorComplete },
  ...{ proceduresSync, proceduresList, procedureGet, quarantineList, quarantineRelease },
};
const day = { start_date: "2026-07-01", end_date: "2026-07-01" };

interface Answered {
  status: number;
  text: string;
  headers: Headers;
  // What an endpoint answers is looked at member by member.
  body: Record<string, unknown>;
}

describe("the pipelines area over HTTP", () => {
  let world: World;
  let server: Server;
  let key: string;
  let runId: string;

  beforeAll(async () => {
    world = await startWorld();
    const given = world.ports as unknown as Given<PortName>;
    const handlers = Object.entries(functions).map(([name, fn]) => {
      const { method, path, aliases = [] } = fn.declaration;
      return { method, matches: pathMatcher({ path, aliases }), handle: httpHandler(name, fn, given) };
    });
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      // As functions-framework hands a request over.
      if (chunks.length > 0) Object.assign(request, { rawBody: Buffer.concat(chunks) });
      const path = (request.url ?? "").split("?", 1)[0] ?? "";
      const found = handlers.find(({ method, matches }) => method === request.method && matches(path) !== undefined);
      if (found === undefined) response.writeHead(404).end("{}");
      else void found.handle(request, response);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { org, apiKey } = await world.onboarded("acme");
    key = apiKey;
    await world.connected(org, "areaaccount1");
    const { body } = await call("POST", "pipelines/run/acme/openai/cost/usage_cost", day);
    runId = String(body["run_id"]);
    await world.process(org, runId);
  }, 60_000);
  afterAll(async () => {
    server.close();
    await world.stop();
  });

  async function call(
    method: string,
    path: string,
    body?: unknown,
    as: "key" | "root" | "nobody" = "key",
  ): Promise<Answered> {
    const { port } = server.address() as AddressInfo;
    const headers: Record<string, string> =
      as === "key" ? { "x-api-key": key } : as === "root" ? { "x-ca-root-key": rootKey } : {};
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") === true;
    return { status: response.status, text, headers: response.headers, body: isJson ? JSON.parse(text) : {} };
  }

  it("starts the same pipeline by every address it has", async () => {
    const addresses = [
      "run/acme/openai/cost/usage_cost",
      "trigger/acme/openai/cost/usage_cost",
      "run/acme/genai/payg/openai",
      "run/acme/genai/openai/cost/usage_cost",
      "run/openai-cost-usage-cost",
      "run/genai_payg_openai",
    ];
    const asked = { start_date: "2026-07-05", end_date: "2026-07-05" };

    const answers = [];
    for (const address of addresses) answers.push(await call("POST", `pipelines/${address}`, asked));

    expect(answers.map(({ status }) => status)).toEqual([202, 200, 200, 200, 200, 200]);
    expect(new Set(answers.map(({ body }) => body["run_id"])).size).toBe(1);
    expect(answers.map(({ body }) => body["pipeline_id"])).toEqual(Array(6).fill("openai-cost-usage-cost"));
  });

  it("takes a query and a body, and refuses what contradicts, is unknown, retired or too long", async () => {
    const run = "pipelines/run/acme/openai/cost/usage_cost";
    const refused = async (path: string, body?: unknown) => {
      const { status, body: answer } = await call("POST", path, body);
      return [status, answer["error"]];
    };

    expect(await refused(`${run}?date=2026-07-02`, { date: "2026-07-03" })).toEqual([400, "CONFLICTING_DATES"]);
    const longDryRun = { start_date: "2026-05-01", end_date: "2026-07-01", dry_run: true };
    expect(await refused(run, longDryRun)).toEqual([400, "RANGE_TOO_LONG"]);
    expect(await refused(run, { date: "2026-02-29" })).toEqual([400, "INVALID_DATE"]);
    expect(await refused("pipelines/run/acme/cloud/gcp/cost/focus_convert")).toEqual([410, "PIPELINE_RETIRED"]);
    expect(await refused("pipelines/run/acme/openai/cost/nothing")).toEqual([404, "PIPELINE_NOT_FOUND"]);
    expect(await refused("pipelines/run/acme/cloud/openai/cost/usage_cost")).toEqual([404, "PIPELINE_NOT_FOUND"]);
    expect(await refused(run, { parameters: { surprise: 1 } })).toEqual([422, "INVALID_BODY"]);
    expect((await call("POST", `${run}?date=2026-07-02&force_refresh=true&trigger_by=cron`)).status).toBe(202);
  });

  it("tells everything of a run", async () => {
    const at = `pipelines/acme/runs/${runId}`;

    const run = (await call("GET", at)).body;
    const steps = (await call("GET", `${at}/steps?limit=1`)).body;
    const transitions = (await call("GET", `${at}/transitions?entity_type=PIPELINE`)).body;
    const quality = (await call("GET", `${at}/quality`)).body;
    const csv = await call("GET", `${at}/download?format=csv`);

    expect(run).toMatchObject({ status: "COMPLETED", dry_run: false, run_metadata: { continuations: 0 } });
    expect(run["result"]).toMatchObject({ published_days: ["2026-07-01"], quarantined_days: [], held_days: [] });
    expect(steps).toMatchObject({ total: (run["steps"] as object[]).length, limit: 1, offset: 0 });
    const moves = (transitions["transitions"] as { to_state: string }[]).map(({ to_state }) => to_state);
    expect(moves).toEqual(["PENDING", "RUNNING", "COMPLETED"]);
    const statuses = (quality["results"] as { overall_status: string }[]).map(({ overall_status }) => overall_status);
    expect(new Set(statuses)).toEqual(new Set(["PASS"]));
    expect(csv.headers.get("content-disposition")).toBe(`attachment; filename="pipeline_run_${runId}.csv"`);
    expect(csv.text.split("\r\n")[1]).toMatch(new RegExp(`^run,${runId},openai-cost-usage-cost,COMPLETED,`));
    const own = await call("GET", `pipelines/runs/${runId}`);
    expect(own.body["run_id"]).toBe(runId);
    expect((await call("GET", "pipelines/acme/runs/run_00000000000000000000000000/steps")).status).toBe(404);
  });

  it("lists runs by what they are asked for", async () => {
    const ids = async (query: string) => {
      const { body } = await call("GET", `pipelines/acme/runs?${query}`);
      return (body["runs"] as { run_id: string }[]).map((run) => run.run_id);
    };

    const all = await ids("limit=500");

    expect(await ids("status_filter=SUCCESS&pipeline_id=openai-cost-usage-cost&provider=OpenAI")).toEqual([runId]);
    expect(await ids("offset=1")).toEqual(all.slice(1));
    expect(await ids("start_date=2026-08-11")).toEqual([]);
    expect(await ids("trigger_by=cron")).toHaveLength(1);
    const first = (await call("GET", "pipelines/acme/runs?limit=1")).body;
    const rest = await ids(`cursor=${encodeURIComponent(String(first["next_cursor"]))}`);
    expect(rest).toEqual(all.slice(1));
    expect(Array.isArray(JSON.parse((await call("GET", "pipelines/runs")).text))).toBe(true);
    expect((await call("GET", "pipelines/acme/runs?start_date=yesterday")).body["error"]).toBe("INVALID_DATE");
  });

  it("retries a run that has ended, and no other", async () => {
    const first = await call("POST", `pipelines/acme/runs/${runId}/retry`);
    const second = await call("POST", `pipelines/acme/runs/${runId}/retry`);
    const unfinished = await call("POST", `pipelines/acme/runs/${String(first.body["new_run_id"])}/retry`);

    expect([first.status, second.status, second.body["duplicate"]]).toEqual([202, 200, true]);
    expect([unfinished.status, unfinished.body["error"]]).toEqual([409, "RUN_NOT_FINISHED"]);
    const retried = (await call("GET", `pipelines/acme/runs/${String(first.body["new_run_id"])}`)).body;
    expect(retried).toMatchObject({ trigger_type: "retry", retry_of: runId, range: { days: 1 } });
  });

  it("says how the pipelines stand", async () => {
    const { body } = await call("GET", "pipelines/status/acme");

    expect(body).toMatchObject({ org_slug: "acme", check_date: "2026-08-10", cached: false });
    const { "openai-cost-usage-cost": own } = body["pipelines"] as Record<string, unknown>;
    expect(own).toMatchObject({ ran_today: true, succeeded_today: true, stale: true, open_quarantine: 0 });
    expect((await call("GET", "pipelines/metrics/cache")).body).toMatchObject({ invalidations: 0 });
  });

  it("lists what is shipped and not enabled only where asked", async () => {
    const ids = async (query: string) => {
      const { body } = await call("GET", `validator/pipelines?${query}`, undefined, "nobody");
      return (body["pipelines"] as { id: string; enabled: boolean }[]).map(({ id, enabled }) => [id, enabled]);
    };

    expect(await ids("provider=GCP")).toEqual([]);
    expect(await ids("provider=gcp&enabled_only=false&category=cloud")).toEqual([["gcp-cost-billing", false]]);
    expect((await call("GET", "pipelines/metrics/cache", undefined, "root")).status).toBe(200);
  });

  it("shows the pipelines to anybody, and never how their steps are configured", async () => {
    const { body, text } = await call("GET", "validator/pipelines?provider=openai", undefined, "nobody");

    expect(body).toMatchObject({ success: true, total: 1, pipelines: [{ path: "openai/cost/usage_cost" }] });
    expect(text).not.toContain("group_by");
    expect((await call("GET", "validator/pipelines/genai_payg_openai", undefined, "nobody")).status).toBe(200);
    expect((await call("GET", "validator/pipelines/unheard-of", undefined, "nobody")).status).toBe(404);
  });

  it("validates without taking anything, and names everything that stands in the way", async () => {
    const quota = async () =>
      (await call("POST", "validator/validate/acme", { pipeline_id: "openai-cost-usage-cost" })).body;
    const before = await quota();
    for (let times = 0; times < 5; times++) await quota();

    const wrong = await call("POST", "validator/validate/acme", {
      pipeline_id: "anthropic-usage-cost",
      date: "2026-02-30",
    });
    const unknown = await call("POST", "validator/validate/acme", { provider: "openai", pipeline: "nothing" });

    expect(before).toMatchObject({ valid: true, error: null, credentials: { status: "VALID", count: 1 } });
    expect(await quota()).toEqual(before);
    expect(wrong.body).toMatchObject({ valid: false, error_code: "INTEGRATION_NOT_CONFIGURED", range: null });
    const failed = (wrong.body["checks"] as { check: string; ok: boolean }[]).filter(({ ok }) => !ok);
    expect(failed.map(({ check }) => check)).toEqual(["integration", "dates"]);
    expect([unknown.status, unknown.body["error_code"]]).toEqual([200, "PIPELINE_NOT_FOUND"]);
    expect((await call("POST", "validator/validate/other_org", {})).body["error"]).toBe("ORG_MISMATCH");
    const code = async (pipeline_id: string) =>
      (await call("POST", "validator/validate/acme", { pipeline_id })).body["error_code"];
    expect(await code("saas-cost-subscription-costs")).toBe("INTEGRATION_NOT_CONFIGURED");
    expect(await code("gcp-cost-billing")).toBe("PIPELINE_DISABLED");
    expect(await code("cloud/gcp/cost/focus_convert")).toBe("PIPELINE_RETIRED");
  });

  it("reserves a run for an executor outside, which settles it once", async () => {
    const asked = { pipeline_id: "openai-cost-usage-cost", date: "2026-07-20", reserve: true };
    const complete = async (body: unknown) => (await call("POST", "validator/complete/acme", body)).body;

    const { body } = await call("POST", "validator/validate/acme", asked);

    const reserved = (await call("GET", `pipelines/acme/runs/${String(body["run_id"])}`)).body;
    expect(reserved).toMatchObject({ status: "RUNNING", trigger_type: "external" });
    expect((await call("POST", "validator/complete/acme", { pipeline_status: "MAYBE" })).status).toBe(400);
    expect(await complete({ pipeline_status: "SUCCESS", run_id: runId })).toMatchObject({ settled: false });
    const settled = await complete({ pipeline_status: "success" });
    expect(settled).toMatchObject({ settled: true, run_id: body["run_id"], reservation_date: "2026-08-10" });
    expect(await complete({ pipeline_status: "SUCCESS" })).toMatchObject({ settled: false, run_id: null });
  });

  it("takes configurations over, once", async () => {
    const first = await call("POST", "procedures/sync", {}, "root");
    const second = await call("POST", "procedures/sync", {}, "root");
    const unknown = await call("POST", "procedures/sync", { procedures: ["unheard-of"] }, "root");
    const list = await call("GET", "procedures", undefined, "root");

    expect(first.body).toMatchObject({ success: true, skipped: [], failed: [] });
    expect(second.body).toMatchObject({ success: true, created: [], updated: [], skipped: first.body["created"] });
    expect(unknown.body).toMatchObject({ success: false, created: [] });
    expect(list.body["count"]).toBe((first.body["created"] as string[]).length);
    expect((await call("GET", "procedures/openai-cost-usage-cost", undefined, "root")).status).toBe(200);
    expect((await call("GET", "procedures/unheard-of", undefined, "root")).body["error"]).toBe("PROCEDURE_NOT_FOUND");
    expect((await call("GET", "procedures")).status).toBe(403);
  });

  // pipelines.md, shown done 18
  it("answers words as they came in JSON, and defuses them in CSV", async () => {
    const words = '=HYPERLINK("http://evil.example","x"), \u200F\u05E9\u05DC\u05D5\u05DD\u200F \u{1F680}';
    const asked = { date: "2026-07-11", trigger_by: words };
    const { body } = await call("POST", "pipelines/run/acme/openai/cost/usage_cost", asked);
    const run = `pipelines/acme/runs/${String(body["run_id"])}`;
    const cancelled = await call("POST", `${run}/cancel`, { reason: words });

    const listed = (await call("GET", `pipelines/acme/runs?trigger_by=${encodeURIComponent(words)}`)).body;
    const shown = (await call("GET", run)).body;
    const json = JSON.parse((await call("GET", `${run}/download?format=json`)).text) as Record<string, unknown>;
    const { text: csv } = await call("GET", `${run}/download?format=csv`);

    expect(cancelled.body).toMatchObject({ status: "CANCELLED" });
    expect(shown["trigger_by"]).toBe(words);
    expect(listed["runs"]).toMatchObject([{ run_id: body["run_id"], trigger_by: words }]);
    expect(json).toMatchObject({ run: { trigger_by: words } });
    expect((json["transitions"] as { reason: string }[]).map(({ reason }) => reason)).toContain(words);
    expect(csv).toContain(`"'${words.replaceAll('"', '""')}"`);
    expect(csv).not.toMatch(/(^|,|\n)"?=/);
  });

  it("answers quarantines of the organization alone", async () => {
    const id = `qua_${"0".repeat(26)}_00000000`;

    expect((await call("GET", "reconciliation/acme/quarantine?status=open")).body).toMatchObject({ quarantine: [] });
    const released = await call("POST", `reconciliation/acme/quarantine/${id}/release`, { reason: "it is right" });
    expect([released.status, released.body["error"]]).toEqual([404, "QUARANTINE_NOT_FOUND"]);
  });
});
