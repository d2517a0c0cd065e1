import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { setUpIntegration } from "#shared/integrations/setup.ts";
import type { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import { processRun } from "#shared/pipelines/engine.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import { isTerminal, type RunDocument, type StepDocument } from "#shared/pipelines/run.ts";
import { stepPath } from "#shared/pipelines/run-paths.ts";
import type { RunAnswer } from "#shared/pipelines/run-request.ts";
import { triggerRun } from "#shared/pipelines/trigger.ts";
import { plainEffects, publishedBilled, startWorld, type World } from "./world.ts";

const days = { start_date: "2026-07-01", end_date: "2026-07-01" };

interface Vendor {
  provider: string;
  address: string;
  keyOf(account: string): string;
  /** Where the pages of costs are read. */
  costs: string;
}

const vendors: Vendor[] = [
  {
    provider: "openai",
    address: "openai/cost/usage_cost",
    keyOf: (account) => `sk-admin-sim-${account}`,
    costs: "/v1/organization/costs",
  },
  {
    provider: "anthropic",
    address: "anthropic/usage_cost",
    keyOf: (account) => `sk-ant-admin-sim-${account}`,
    costs: "/v1/organizations/cost_report",
  },
];

/** A fault that strikes the pages of costs, and how the run must end (`pipelines.md` 10); null: whole, as if nothing was. */
const cases: { fault: string; args?: Record<string, unknown>; code: string | null }[] = [
  { fault: "429", args: { retry_after: 1, form: "date" }, code: null },
  { fault: "429", args: { retry_after: 1, form: "seconds" }, code: null },
  { fault: "500", code: null },
  { fault: "slow", args: { ms: 300 }, code: null },
  { fault: "reset", code: null },
  { fault: "truncate-gzip", code: null },
  { fault: "extra-fields", code: null },
  { fault: "empty-page", code: null },
  { fault: "page-loop", code: "PROVIDER_PAGE_LOOP" },
  { fault: "missing-field", code: "PROVIDER_SCHEMA_DRIFT" },
  { fault: "type-change", code: "PROVIDER_SCHEMA_DRIFT" },
  { fault: "big-body", code: "RESPONSE_TOO_LARGE" },
  { fault: "key-revoked-midway", code: "PROVIDER_UNAUTHORIZED" },
];

/** Faults that last longer than any repeat. */
const lasting: { fault: string; args?: Record<string, unknown>; code: string }[] = [
  { fault: "429", args: { retry_after: 90, form: "seconds" }, code: "PROVIDER_RATE_LIMITED" },
  { fault: "502", code: "PROVIDER_UNAVAILABLE" },
  { fault: "503", code: "PROVIDER_UNAVAILABLE" },
  { fault: "529", code: "PROVIDER_UNAVAILABLE" },
  { fault: "reset", code: "PROVIDER_UNAVAILABLE" },
  { fault: "truncate-gzip", code: "PROVIDER_BAD_RESPONSE" },
  { fault: "error-200", code: "PROVIDER_BAD_RESPONSE" },
];

// pipelines.md, shown done 12; calls that hang or drip: `provider-http.test.ts`, where their time is made short.
describe.each(vendors)("a run against a $provider that misbehaves", ({ provider, address, keyOf, costs }) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.stop());

  async function ranAgainst(
    slug: string,
    { fault, args = {}, count }: { fault: string; args?: Record<string, unknown>; count?: number },
    patience: "real" | "none" = "real",
  ): Promise<{ run: RunDocument; published: Record<string, string>; org: OrgIdentity }> {
    const { org } = await world.onboarded(slug);
    const request = { credential: keyOf(slug) };
    await setUpIntegration({ org, provider, request }, plainEffects<SetupAnswer>(world.ports), world.ports);
    const times = count === undefined ? {} : { count };
    if (fault !== "none")
      await world.sim("PUT", "faults", { provider, path_prefix: costs, mode: fault, args, account: slug, ...times });
    const caller = { kind: "root" as const, credentialId: "root" as const };
    const pipeline = (await pipelines()).byAddress(address);
    const asked = { org, caller, pipeline, body: days, query: {}, requestId: "req_test" };
    const call = { ...asked, claimedUser: undefined, traceparent: undefined };
    const { body: answer } = await triggerRun(call, plainEffects<RunAnswer>(world.ports), world.ports);
    if (patience === "real") await world.process(org, answer.run_id);
    else await workedWithoutWaiting(org, answer.run_id);
    const month = await publishedMonth(org, "2026-07", 1, world.ports.documents);
    return { run: await world.run(org, answer.run_id), published: publishedBilled(month), org };
  }

  /** Until the run has ended; the clock moves on instead of every wait. */
  async function workedWithoutWaiting(org: OrgIdentity, runId: string): Promise<void> {
    const waiting = {
      now: () => world.clock.now().getTime(),
      sleep: async (ms: number) => world.clock.advance(ms / 1000),
    };
    for (let turn = 0; turn < 20; turn++) {
      await processRun({ org: org.key, run_id: runId }, world.ports, { waiting });
      if (isTerminal((await world.run(org, runId)).status)) return;
      world.clock.advance(120);
    }
  }

  async function attemptsOf(org: OrgIdentity, run: RunDocument): Promise<{ made: number; allowed: number }> {
    const paths = run.config.steps.map((_, index) => stepPath(org.key, run.runId, index));
    const steps = await world.ports.documents.getAll<StepDocument>(paths);
    const failed = steps.find(({ body }) => body?.status === "FAILED")?.body;
    if (failed === undefined) throw new Error("no step has failed");
    return { made: failed.attempts, allowed: run.config.steps[failed.index]?.retry.max_attempts ?? 0 };
  }

  async function truth(account: string): Promise<Record<string, string>> {
    const query = `truth?provider=${provider}&account=${account}&from=${days.start_date}&to=${days.end_date}`;
    const answer = (await world.sim("GET", query)) as {
      truth: { days: { day: string; billed: { amount: string }[] }[] };
    };
    return Object.fromEntries(answer.truth.days.map(({ day, billed: [sum] }) => [day, sum?.amount ?? "0"]));
  }

  it.each(cases.map((each, at) => ({ ...each, slug: `faultcase${at}`, ends: each.code ?? "COMPLETED" })))(
    "by $fault ends in $ends, with the provider's truth or nothing",
    async ({ slug, code, ...fault }) => {
      const { run, published } = await ranAgainst(slug, fault);

      expect([run.status, run.error?.code ?? null]).toEqual([code === null ? "COMPLETED" : "FAILED", code]);
      expect(published).toEqual(code === null ? await truth(slug) : {});
      expect(run.unit.state).toBe(code === null ? "used" : "returned");
    },
  );

  it.each(lasting.map((each, at) => ({ ...each, slug: `lastingcase${at}` })))(
    "by $fault that lasts ends in $code after the attempts it may make, with no partial day",
    async ({ slug, code, ...fault }) => {
      const { run, published, org } = await ranAgainst(slug, { ...fault, count: 1_000 }, "none");

      expect([run.status, run.error?.code, run.unit.state]).toEqual(["FAILED", code, "returned"]);
      expect(published).toEqual({});
      const { made, allowed } = await attemptsOf(org, run);
      expect([made, allowed]).toEqual([3, 3]);
    },
  );

  it("by amounts in a currency that does not exist has its day held back", async () => {
    const fault = { fault: "wrong-currency", args: { currency: "zzz" }, count: 1_000 };

    const { run, published } = await ranAgainst("wrongcurrency", fault, "none");

    expect([run.status, run.error?.code]).toEqual(["FAILED", "DATA_QUARANTINED"]);
    expect([run.result?.quarantinedDays, published]).toEqual([["2026-07-01"], {}]);
  });

  it("leaves other organizations alone", async () => {
    const sick = await ranAgainst("sickneighbour", { fault: "503", count: 1_000 }, "none");
    const well = await ranAgainst("wellneighbour", { fault: "none" });

    expect([well.run.status, well.run.claims]).toEqual(["COMPLETED", 1]);
    expect(well.published).toEqual(await truth("wellneighbour"));
    expect(sick.run.error?.code).toBe("PROVIDER_UNAVAILABLE");
  });
});
