import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { setUpIntegration } from "#shared/integrations/setup.ts";
import type { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
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

describe.each(vendors)("a run against a $provider that misbehaves", ({ provider, address, keyOf, costs }) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.stop());

  async function ranAgainst(
    slug: string,
    { fault, args = {} }: { fault: string; args?: Record<string, unknown> },
  ): Promise<{ run: RunDocument; published: Record<string, string> }> {
    const { org } = await world.onboarded(slug);
    const request = { credential: keyOf(slug) };
    await setUpIntegration({ org, provider, request }, plainEffects<SetupAnswer>(world.ports), world.ports);
    await world.sim("PUT", "faults", { provider, path_prefix: costs, mode: fault, args, account: slug });
    const caller = { kind: "root" as const, credentialId: "root" as const };
    const pipeline = (await pipelines()).byAddress(address);
    const asked = { org, caller, pipeline, body: days, query: {}, requestId: "req_test" };
    const call = { ...asked, claimedUser: undefined, traceparent: undefined };
    const { body: answer } = await triggerRun(call, plainEffects<RunAnswer>(world.ports), world.ports);
    await world.process(org, answer.run_id);
    const month = await publishedMonth(org, "2026-07", 1, world.ports.documents);
    return { run: await world.run(org, answer.run_id), published: publishedBilled(month) };
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
});
