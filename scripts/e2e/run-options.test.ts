import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { setUpIntegration } from "#shared/integrations/setup.ts";
import type { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import { admitWaiting } from "#shared/pipelines/admission.ts";
import { cancelRun } from "#shared/pipelines/cancel.ts";
import { type EngineOptions, processRun } from "#shared/pipelines/engine.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import type { Pipeline, Step } from "#shared/pipelines/pipeline.ts";
import { processors } from "#shared/pipelines/processors.ts";
import { pipelineRegistry, pipelines } from "#shared/pipelines/registry.ts";
import type { RunDocument, StepDocument } from "#shared/pipelines/run.ts";
import { stepPath } from "#shared/pipelines/run-paths.ts";
import type { RunAnswer, RunRequest } from "#shared/pipelines/run-request.ts";
import { listRuns } from "#shared/pipelines/runs-read.ts";
import { startDependents } from "#shared/pipelines/start-dependents.ts";
import { sweepRuns } from "#shared/pipelines/sweeper.ts";
import { triggerRun } from "#shared/pipelines/trigger.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { providers } from "#shared/providers/load-registry.ts";
import { openai } from "#shared/providers/openai/openai.ts";
import type { ProviderAdapter, PullContext, Pulled } from "#shared/providers/provider.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { chargeRow } from "./charges.fixture.ts";
import { plainEffects, publishedBilled, startWorld, type World } from "./world.ts";

const oneDay = { start_date: "2026-07-01", end_date: "2026-07-01" };
const caller = { kind: "root" as const, credentialId: "root" as const };
const nothing = { rows: {}, findings: [], warnings: [] };

type Processor = (context: PullContext) => Promise<Pulled>;

const complete: Processor = async ({ days }) => ({
  ...nothing,
  days: Object.fromEntries(days.map((day) => [day, "complete" as const])),
});

/** OpenAI's adapter with processors of the test; every day costs what it says. */
function adapter(processors: Partial<Record<"costs" | "usage", Processor>>, billed = "1.5"): ProviderAdapter {
  return {
    ...openai,
    processors: { "openai.costs": processors.costs ?? complete, "openai.usage": processors.usage ?? complete },
    focusRows: async ({ days }) => ({
      ...nothing,
      days,
      rows: { cost_data_standard: Object.keys(days).map((day) => chargeRow({ day, billed, id: day })) },
    }),
  };
}

describe("what a run may be asked for", () => {
  let world: World;
  let count = 0;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.stop());

  async function freshOrg(plan = "SCALE"): Promise<OrgIdentity> {
    count += 1;
    const { org } = await world.onboarded(`options${count}`, plan);
    await world.connected(org, `optionscase${count}`);
    return org;
  }

  /** The shipped pipeline without its price step, with other steps where asked. */
  async function pipelineWith(change: Partial<Pipeline["config"]> = {}): Promise<Pipeline> {
    const shipped = (await pipelines()).byAddress("openai/cost/usage_cost");
    const [costs, usage] = shipped.config.steps;
    const rows = shipped.config.steps.find(({ id }) => id === "rows");
    const steps = [costs, usage, { ...(rows as Step), depends_on: ["costs"] }] as Step[];
    return { ...shipped, config: { ...shipped.config, expectations: [], steps, ...change } };
  }

  async function triggered(org: OrgIdentity, body: RunRequest, pipeline?: Pipeline): Promise<RunAnswer> {
    const asked = { org, caller, pipeline: pipeline ?? (await pipelineWith()), body, query: {}, requestId: "req_test" };
    const request = { ...asked, claimedUser: undefined, traceparent: undefined };
    return (await triggerRun(request, plainEffects<RunAnswer>(world.ports), world.ports)).body;
  }

  async function worked(org: OrgIdentity, runId: string, options: EngineOptions): Promise<RunDocument> {
    await processRun({ org: org.key, run_id: runId }, world.ports, options);
    return world.run(org, runId);
  }

  async function ran(
    org: OrgIdentity,
    body: RunRequest,
    by: ProviderAdapter,
    pipeline?: Pipeline,
  ): Promise<RunDocument> {
    const { run_id } = await triggered(org, body, pipeline);
    return worked(org, run_id, { adapterOf: () => by });
  }

  const billed = async (org: OrgIdentity) =>
    publishedBilled(await publishedMonth(org, "2026-07", 1, world.ports.documents));
  const slots = async (org: OrgIdentity) =>
    Object.keys((await world.ports.documents.get<QuotaDocument>(quotaPath(org))).body?.running ?? {});
  const step = async (org: OrgIdentity, run: RunDocument, index: number) =>
    (await world.ports.documents.get<StepDocument>(stepPath(org.key, run.runId, index))).body;

  it("goes on without a step that may fail, says so, and keeps what was published of its table", async () => {
    const org = await freshOrg();
    const pipeline = await pipelineWith();
    const [costs, usage, rows] = pipeline.config.steps as [Step, Step, Step];
    const mayFail = await pipelineWith({ steps: [costs, { ...usage, on_failure: "continue" }, rows] });
    const broken: Processor = async () => {
      throw new AppError("PROVIDER_FORBIDDEN", "no permission to see usage");
    };

    const run = await ran(org, oneDay, adapter({ usage: broken }), mayFail);

    expect([run.status, run.error]).toEqual(["COMPLETED", null]);
    expect(run.warnings).toEqual([expect.stringContaining("The step usage failed: PROVIDER_FORBIDDEN")]);
    expect(await step(org, run, 1)).toMatchObject({ status: "FAILED", error: { code: "PROVIDER_FORBIDDEN" } });
    expect(await billed(org)).toEqual({ "2026-07-01": "1.5" });
  });

  it("ends with a step that must not fail, also when its process died before it could end the run", async () => {
    const org = await freshOrg();
    const [, usage, rows] = (await pipelineWith()).config.steps as [Step, Step, Step];
    const pipeline = await pipelineWith({ steps: [usage, { ...rows, depends_on: ["usage"] }] });
    let commitsLeft = Number.POSITIVE_INFINITY;
    const broken: Processor = async () => {
      commitsLeft = 1;
      throw new AppError("PROVIDER_FORBIDDEN", "no permission");
    };
    const documents: EnginePorts["documents"] = {
      ...world.ports.documents,
      transaction: (body) => {
        if (commitsLeft-- <= 0) throw new Error("the process has died");
        return world.ports.documents.transaction(body);
      },
    };
    const { run_id } = await triggered(org, oneDay, pipeline);
    const dying = processRun(
      { org: org.key, run_id },
      { ...world.ports, documents },
      { adapterOf: () => adapter({ usage: broken }) },
    );
    await expect(dying).rejects.toThrow("the process has died");
    world.clock.advance(200);

    const run = await worked(org, run_id, { adapterOf: () => adapter({}) });

    expect([run.status, run.error?.code, run.error?.stepId]).toEqual(["FAILED", "PROVIDER_FORBIDDEN", "usage"]);
    expect(await billed(org)).toEqual({});
  });

  it("skips a step that is switched off", async () => {
    const org = await freshOrg();
    const pipeline = await pipelineWith();
    const [costs, usage, rows] = pipeline.config.steps as [Step, Step, Step];
    const never: Processor = async () => {
      throw new Error("a step that is switched off was run");
    };

    const off = await pipelineWith({ steps: [costs, { ...usage, enabled: false }, rows] });
    const run = await ran(org, oneDay, adapter({ usage: never }), off);

    expect([run.status, (await step(org, run, 1))?.status]).toEqual(["COMPLETED", "SKIPPED"]);
  });

  it("gives parameters to the steps, as asked or by their default, and refuses others", async () => {
    const org = await freshOrg();
    const shipped = await pipelineWith();
    const [costs, ...others] = shipped.config.steps as [Step, ...Step[]];
    const pipeline = await pipelineWith({
      parameters: { depth: { type: "integer", default: 3, max: 5 } },
      steps: [{ ...costs, config: { nested: [{ param: "depth" }] } }, ...others],
    });
    const seen: unknown[] = [];
    const looking: Processor = async (context) => {
      seen.push(context.config);
      return complete(context);
    };

    await ran(org, oneDay, adapter({ costs: looking }), pipeline);
    await ran(org, { ...oneDay, parameters: { depth: 5 } }, adapter({ costs: looking }), pipeline);

    expect(seen).toEqual([{ nested: [3] }, { nested: [5] }]);
    for (const parameters of [{ depth: 6 }, { depth: "5" }, { width: 1 }]) {
      await expect(triggered(org, { ...oneDay, parameters }, pipeline)).rejects.toMatchObject({ code: "INVALID_BODY" });
    }
  });

  it("shows in a dry run what would change, and changes nothing", async () => {
    const org = await freshOrg();
    await ran(org, oneDay, adapter({}, "1.5"));
    const before = await publishedMonth(org, "2026-07", 1, world.ports.documents);

    const run = await ran(org, { ...oneDay, end_date: "2026-07-02", dry_run: true }, adapter({}, "2"));

    expect(run.result?.preview).toEqual([
      { day: "2026-07-01", currency: "USD", currentTotal: "1.5", newTotal: "2", change: "0.5" },
      { day: "2026-07-02", currency: "USD", currentTotal: null, newTotal: "2", change: "2" },
    ]);
    expect([run.status, run.result?.batches]).toEqual(["COMPLETED", 0]);
    expect(await publishedMonth(org, "2026-07", 1, world.ports.documents)).toEqual(before);
    const { documents } = await world.ports.documents.list({
      collection: `orgs/${org.key}/runs/${run.runId}/parts`,
      limit: 9,
    });
    expect(documents).toEqual([]);
    await expect(
      triggered(org, { start_date: "2026-07-01", end_date: "2026-07-08", dry_run: true }),
    ).rejects.toMatchObject({
      code: "RANGE_TOO_LONG",
    });
  });

  it("loads nothing a second time, unless it is forced", async () => {
    const org = await freshOrg();
    const first = await ran(org, oneDay, adapter({}));

    const second = await ran(org, oneDay, adapter({}));
    const forced = await ran(org, { ...oneDay, force_refresh: true }, adapter({}));

    expect([first, second, forced].map(({ result }) => result?.batches)).toEqual([1, 0, 1]);
    expect([second, forced].map(({ result }) => result?.unchangedDays)).toEqual([["2026-07-01"], ["2026-07-01"]]);
  });

  it("is one run for each usable credential, all or none of them", async () => {
    const org = await freshOrg("FREE");
    const starter = await freshOrg();
    for (const [own, account] of [
      [org, "secondaccount1"],
      [starter, "secondaccount2"],
    ] as const) {
      const request = { credential: `sk-admin-sim-${account}`, credential_name: "second" };
      await setUpIntegration(
        { org: own, provider: "openai", request },
        plainEffects<SetupAnswer>(world.ports),
        world.ports,
      );
    }

    const both = await triggered(starter, oneDay);
    const again = await triggered(starter, oneDay);

    expect(new Set(both.runs.map(({ credential_id }) => credential_id)).size).toBe(2);
    expect([both.duplicate, again.duplicate]).toEqual([false, true]);
    expect(again.runs.map(({ run_id }) => run_id)).toEqual(both.runs.map(({ run_id }) => run_id));
    expect(await slots(starter)).toHaveLength(2);
    await expect(triggered(org, oneDay)).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
    expect(await slots(org)).toEqual([]);
  });

  it("waits for a slot where asked, and is let in by priority once one is free", async () => {
    const org = await freshOrg("FREE");
    const first = await triggered(org, oneDay);
    const refused = triggered(org, { date: "2026-07-02" });
    await expect(refused).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });

    const low = await triggered(org, { date: "2026-07-02", queue: true, priority: 1 });
    const high = await triggered(org, { date: "2026-07-03", queue: true, priority: 9 });

    expect([low.queue_state, high.queue_state]).toEqual(["waiting_slot", "waiting_slot"]);
    expect(await admitWaiting(org.key, world.ports)).toEqual([]);
    await world.process(org, high.run_id);
    expect((await world.run(org, high.run_id)).status).toBe("PENDING");
    await cancelRun({ org, runId: first.run_id, reason: undefined }, plainEffects(world.ports));
    expect(await admitWaiting(org.key, world.ports)).toEqual([high.run_id]);
    expect((await worked(org, high.run_id, { adapterOf: () => adapter({}) })).status).toBe("COMPLETED");
    await cancelRun({ org, runId: low.run_id, reason: undefined }, plainEffects(world.ports));
    expect([await admitWaiting(org.key, world.ports), await slots(org)]).toEqual([[], []]);
  });

  it("hands a long pull on from process to process and pulls every page once", async () => {
    const org = await freshOrg();
    const month = { start_date: "2026-07-01", end_date: "2026-07-31" };
    const pages: string[] = [];
    /** A page is a day. */
    const paged: Processor = async ({ days, checkpoint }) => {
      const at = Number(checkpoint ?? 0);
      const day = days[at] ?? "";
      pages.push(day);
      return { ...nothing, days: { [day]: "complete" }, ...(at + 1 < days.length ? { next: at + 1 } : {}) };
    };
    const { run_id } = await triggered(org, month);
    let run = await world.run(org, run_id);
    // The time of each process is up when it begins: it does one page and hands the run on.
    for (let process = 0; process < 80 && run.status !== "COMPLETED" && run.status !== "FAILED"; process++) {
      run = await worked(org, run_id, { adapterOf: () => adapter({ costs: paged }), softDeadlineMilliseconds: 0 });
    }

    expect([run.status, run.error]).toEqual(["COMPLETED", null]);
    expect(pages).toEqual([...new Set(pages)]);
    expect(pages).toHaveLength(31);
    expect(run.continuations).toBeGreaterThanOrEqual(30);
    expect(Object.keys(await billed(org))).toHaveLength(31);
    expect(run.unit.state).toBe("used");
  });

  it("gives a run up that is handed on for ever", async () => {
    const org = await freshOrg();
    const endless: Processor = async ({ checkpoint }) => ({ ...nothing, days: {}, next: Number(checkpoint ?? 0) + 1 });
    const { run_id } = await triggered(org, oneDay);

    let run = await world.run(org, run_id);
    for (let process = 0; process < 70 && run.status !== "FAILED"; process++) {
      run = await worked(org, run_id, { adapterOf: () => adapter({ costs: endless }), softDeadlineMilliseconds: 0 });
    }

    expect([run.status, run.error?.code]).toEqual(["FAILED", "RUN_TOO_LONG"]);
    expect(run.continuations).toBe(60);
  });

  it("gives a run up that keeps ending its process, and one whose time is over", async () => {
    const org = await freshOrg();
    const { run_id } = await triggered(org, oneDay);
    const stuck: Processor = () => new Promise(() => {});
    for (let crash = 0; crash < 6; crash++) {
      void worked(org, run_id, { adapterOf: () => adapter({ costs: stuck }) });
      await expect.poll(async () => (await world.run(org, run_id)).claims).toBe(crash + 1);
      world.clock.advance(200);
    }
    await world.process(org, run_id);
    const late = await triggered(org, { date: "2026-07-02" });
    world.clock.advance(1801);
    await sweepRuns(world.ports);

    expect((await world.run(org, run_id)).error?.code).toBe("CRASH_LOOP");
    expect((await world.run(org, late.run_id)).error?.code).toBe("RUN_TIMEOUT");
  });

  it("starts the pipelines that run after it for exactly the days it published, once and not counted", async () => {
    const org = await freshOrg();
    await ran(org, { date: "2026-07-02" }, adapter({}));
    const run = await ran(org, { start_date: "2026-07-01", end_date: "2026-07-03" }, adapter({}));
    const entry = (await providers()).provider("openai");
    const content = (await configFile("openai/cost/usage_cost.yml")) as Record<string, unknown>;
    const after = {
      id: "openai-cost-after",
      aliases: [],
      run_after: ["openai-cost-usage-cost"],
      counts_toward_quota: false,
    };
    const files = [
      { entry, address: "openai/cost/usage_cost", content },
      { entry, address: "openai/cost/after", content: { ...content, ...after } },
    ];
    const registry = await pipelineRegistry(files, await processors());
    const message = { v: 1 as const, org: org.key, run_id: run.runId };
    const before = (await world.ports.documents.get<QuotaDocument>(quotaPath(org))).body;

    await startDependents(message, world.ports, registry);
    await startDependents(message, world.ports, registry);

    const { runs } = await listRuns(org, { limit: 50, offset: 0, trigger_type: "dependent" }, world.ports.documents);
    expect(runs.map(({ range }) => range.start_date).sort()).toEqual(["2026-07-01", "2026-07-03"]);
    expect(runs.map(({ trigger_by }) => trigger_by)).toEqual([run.runId, run.runId]);
    expect((await world.ports.documents.get<QuotaDocument>(quotaPath(org))).body).toEqual(before);
    const done = await worked(org, runs[0]?.run_id ?? "", { adapterOf: () => adapter({}) });
    expect([done.error?.code ?? null, await slots(org)]).toEqual([null, []]);
  });
});
