import { once } from "node:events";
import { createServer, type Server, request as sendRaw } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import { setUpIntegration } from "#shared/integrations/setup.ts";
import type { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import type { HttpFunction } from "#shared/runtime/declaration.ts";
import { httpHandler } from "#shared/runtime/http-handler.ts";
import { pathMatcher } from "#shared/runtime/path-matcher.ts";
import type { Given, PortName } from "#shared/runtime/ports.ts";
import pipelineRun from "./pipeline-run.ts";
import pipelineRunById from "./pipeline-run-by-id.ts";
import pipelineRunCategory from "./pipeline-run-category.ts";
import pipelineRunShort from "./pipeline-run-short.ts";

/** What is deployed: each function finds its parameters in the path itself. */
const functions: Record<string, HttpFunction> = { pipelineRunById, pipelineRunShort, pipelineRun, pipelineRunCategory };

describe("a request for a run", () => {
  let world: World;
  let server: Server;
  let key: string;

  beforeAll(async () => {
    world = await startWorld();
    const given = world.ports as unknown as Given<PortName>;
    const handlers = Object.entries(functions).map(([name, fn]) => {
      return { matches: pathMatcher(fn.declaration), handle: httpHandler(name, fn, given) };
    });
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      if (chunks.length > 0) Object.assign(request, { rawBody: Buffer.concat(chunks) });
      const found = handlers.find(({ matches }) => matches((request.url ?? "").split("?", 1)[0] ?? "") !== undefined);
      if (found === undefined) response.writeHead(404).end("{}");
      else void found.handle(request, response);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { org, apiKey } = await world.onboarded("acme");
    key = apiKey;
    await world.connected(org, "requestaccount1");
    const request = { credential: "sk-ant-admin-sim-requestaccount2" };
    await setUpIntegration(
      { org, provider: "anthropic", request },
      plainEffects<SetupAnswer>(world.ports),
      world.ports,
    );
  }, 60_000);
  /** The rate of triggers is counted by the minute. */
  beforeEach(() => world.clock.advance(60));
  afterAll(async () => {
    server.close();
    await world.stop();
  });

  async function call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const { status, text } = await rawCall(method, path, body === undefined ? "" : JSON.stringify(body));
    return { status, body: JSON.parse(text) as Record<string, unknown> };
  }

  /** A path that arrives as it is written. */
  function rawCall(method: string, path: string, body: string): Promise<{ status: number; text: string }> {
    const { port } = server.address() as AddressInfo;
    return new Promise((resolve, reject) => {
      const to = { port, host: "127.0.0.1", method, path: `/api/v1/${path}` };
      const sent = sendRaw({ ...to, headers: { "x-api-key": key } }, async (response) => {
        let text = "";
        for await (const part of response) text += String(part);
        resolve({ status: response.statusCode ?? 0, text });
      });
      sent.once("error", reject);
      sent.end(body);
    });
  }

  it("starts the pipeline whose domain is empty by every form of its address, the empty segment too", async () => {
    const request = { credential: "sk-ant-admin-sim-areaaccount2" };
    const { body: acme } = await world.ports.documents.get<{ orgId: string }>("orgs/acme");
    const org = { slug: "acme", key: "acme", orgId: acme?.orgId ?? "" };
    await setUpIntegration(
      { org, provider: "anthropic", request },
      plainEffects<SetupAnswer>(world.ports),
      world.ports,
    );
    const addresses = [
      "run/acme/anthropic/usage_cost",
      "run/acme/anthropic/cost/usage_cost",
      "run/acme/anthropic//usage_cost",
      "run/acme/genai/payg/anthropic",
      "run/genai_payg_anthropic",
    ];

    const answers = [];
    for (const address of addresses) answers.push(await call("POST", `pipelines/${address}`, { date: "2026-07-20" }));

    expect(answers.map(({ status }) => status)).toEqual([202, 200, 200, 200, 200]);
    expect(new Set(answers.map(({ body }) => body["run_id"])).size).toBe(1);
    expect(new Set(answers.map(({ body }) => body["pipeline_id"]))).toEqual(new Set(["anthropic-usage-cost"]));
  });

  it.each([
    "run/acme/../usage_cost",
    "run/acme/anthropic/../usage_cost",
    "run/acme/%2e%2e/%2e%2e/anthropic/usage_cost",
    "run/acme/%2e%2e%2f%2e%2e%2fsystem/providers",
    "run/acme/anthropic/usage_cost%00",
    "run/acme/anthropic%00/cost/usage_cost",
    `run/acme/anthropic/${"u".repeat(200)}`,
    `run/acme/${"p".repeat(200)}/cost/usage_cost`,
    "run/%2e%2e%2fsystem%2fproviders",
    `run/${"i".repeat(200)}`,
  ])("knows nothing at %s, whatever the body holds", async (path) => {
    for (const body of ["{}", '{"surprise":1}']) {
      const { status, text } = await rawCall("POST", `pipelines/${path}`, body);

      expect(status).toBe(404);
      expect(JSON.parse(text)).not.toMatchObject({ error: "INTERNAL" });
      expect(text).not.toMatch(/\.\.|providers|uuuu|pppp|iiii/);
    }
  });

  it("looks at the address, then at whether it is enabled, then at body, dates and subscription", async () => {
    const { body: stored, version } = await world.ports.documents.get<Record<string, unknown>>(
      "orgs/acme/subscription/current",
    );
    const suspend = (status: unknown) =>
      world.ports.documents.transaction(async (tx) => {
        await tx.get("orgs/acme/subscription/current");
        tx.set("orgs/acme/subscription/current", { ...stored, status });
      });
    expect(version).toBeGreaterThan(0);
    await suspend("SUSPENDED");
    const run = "pipelines/run/acme/openai/cost/usage_cost";
    const refused = async (path: string, body: unknown) => (await call("POST", path, body)).body["error"];

    const codes = [
      await refused("pipelines/run/acme/openai/cost/nothing", { surprise: 1 }),
      await refused("pipelines/run/acme/cloud/gcp/cost/billing", { surprise: 1 }),
      await refused(run, { surprise: 1 }),
      await refused(run, { date: "2026-02-29" }),
      await refused(run, { date: "2026-07-01", credential_id: "crd_none" }),
    ];
    await suspend(stored?.["status"]);

    expect(codes).toEqual([
      "PIPELINE_NOT_FOUND",
      "PIPELINE_DISABLED",
      "INVALID_BODY",
      "INVALID_DATE",
      "SUBSCRIPTION_INACTIVE",
    ]);
  });

  it("takes every field of a request as query too, parameters as JSON, and compares them by value", async () => {
    const run = "pipelines/run/acme/openai/cost/usage_cost";
    const asked = async (query: string, body?: unknown) => {
      const { status, body: answer } = await call("POST", `${run}?${query}`, body);
      return [status, answer["error"]];
    };
    const json = (value: unknown): string => encodeURIComponent(JSON.stringify(value));

    expect(await asked(`parameters=${json({ surprise: 1 })}`)).toEqual([422, "INVALID_BODY"]);
    expect(await asked("parameters=nothing")).toEqual([400, "INVALID_PARAMETER"]);
    expect(await asked(`parameters=${json(["a"])}`)).toEqual([400, "INVALID_PARAMETER"]);
    expect(await asked(`parameters=${json({})}`, { parameters: { a: 1 } })).toEqual([400, "CONFLICTING_DATES"]);
    expect(await asked("priority=11")).toEqual([400, "INVALID_PARAMETER"]);
    expect(await asked("end_date=2026-07-21")).toEqual([422, "INVALID_BODY"]);
    expect(await asked("date=2026-07-21&start_date=2026-07-21")).toEqual([422, "INVALID_BODY"]);
    const everything = `date=2026-07-21&dry_run=true&queue=true&priority=9&force_refresh=false&trigger_by=cron&parameters=${json({})}`;
    expect(await asked(everything, { priority: 9, parameters: {} })).toEqual([202, undefined]);
  });
});
