import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import { Reply } from "#shared/runtime/declaration.ts";
import { createPlan, type PlanCreated } from "#shared/saas-plans/plan-create.ts";
import { endPlan, type PlanEnded } from "#shared/saas-plans/plan-end.ts";
import { type CompleteAnswer, completeRun } from "#shared/validator/complete.ts";
import { type ValidateAnswer, validateRun } from "#shared/validator/validate.ts";
import { claimRun } from "./claim.ts";
import { startRequestedRuns, takeOwnRunMessage } from "./requested-runs.ts";
import type { RunDocument } from "./run.ts";

const pipelineId = "saas-cost-subscription-costs";
const caller = { kind: "root" as const, credentialId: "root" as const };

let world: World;
let org: OrgIdentity;

beforeEach(async () => {
  world = await startWorld({ now: "2026-08-10T12:00:00Z" });
  ({ org } = await world.onboarded("acme"));
});

afterEach(() => world.stop());

async function runs(): Promise<RunDocument[]> {
  const page = await world.ports.documents.list<RunDocument>({
    collection: `orgs/${org.key}/runs`,
    orderBy: [{ field: "createdAt", direction: "desc" }],
    limit: 100,
  });
  const found = page.documents.map(({ body }) => body);
  return found.sort((a, b) => (a.range.start < b.range.start ? -1 : 1));
}

function request(from: string): Promise<void> {
  const message = {
    v: 1 as const,
    kind: "run.request" as const,
    org: org.key,
    pipeline_id: pipelineId,
    from,
    reason: "test",
  };
  return startRequestedRuns(message, world.ports);
}

async function plan(request: Parameters<typeof createPlan>[0]["request"]): Promise<string> {
  const asked = { org, caller, provider: "slack", request };
  const answer = await createPlan(asked, plainEffects<PlanCreated>(world.ports), world.ports);
  return (answer instanceof Reply ? answer.body : answer).plan.subscription_id;
}

async function work(): Promise<void> {
  for (const { runId, status } of await runs()) {
    const message = { v: 1 as const, kind: "run.start" as const, org: org.key, run_id: runId, pipeline_id: pipelineId };
    if (status === "PENDING") await takeOwnRunMessage(message, world.ports);
  }
}

/** Effective cost by day, as published. */
async function published(month: string): Promise<Record<string, string>> {
  const { days } = await publishedMonth(org, month, 1, world.ports.documents);
  return Object.fromEntries(days.map(({ day, totals }) => [day, totals["USD"]?.[1] ?? "0"]));
}

it("a run that takes no unit is its executor's too where one outside has reserved it, and ends as that reports", async () => {
  await plan({ plan_name: "PRO", unit_price: "31", seats: 1, start_date: "2026-08-01" });
  const asker = { org, caller, requestId: "req_1", claimedUser: undefined, traceparent: undefined };
  const body = { pipeline_id: pipelineId, reserve: true };

  const { run_id: runId } = await validateRun(
    { ...asker, body },
    plainEffects<ValidateAnswer>(world.ports),
    world.ports,
  );
  const reserved = await world.run(org, runId ?? "");
  const completion = { org, query: {}, body: { pipeline_status: "SUCCESS" } };
  const answer = await completeRun(completion, plainEffects<CompleteAnswer>(world.ports), world.ports);

  expect(reserved).toMatchObject({ status: "RUNNING", triggerType: "external", isCounted: false });
  expect(answer).toMatchObject({ settled: true, run_id: runId });
});

describe("runs that a change asks for", () => {
  it("reach from the changed day to today, uncounted and without a credential", async () => {
    await plan({ plan_name: "PRO", unit_price: "31", seats: 1, start_date: "2026-08-01" });
    await request("2026-08-01");
    await work();

    const [run] = await runs();
    expect(run).toMatchObject({ status: "COMPLETED", isCounted: false, credentialId: "none", triggerType: "system" });
    expect(run?.range).toEqual({ start: "2026-08-01", end: "2026-08-10" });
    expect(Object.values(await published("2026-08"))).toEqual(Array.from({ length: 10 }, () => "1"));
  });

  it("last as long as any by the store's clock, also where that of the instance is 20 minutes slow", async () => {
    const behind = { now: () => new Date(world.clock.now().getTime() - 1_200_000) };
    const message = { v: 1 as const, kind: "run.request" as const, org: org.key, pipeline_id: pipelineId };

    await startRequestedRuns({ ...message, from: "2026-08-01", reason: "test" }, { ...world.ports, clock: behind });

    const [run] = await runs();
    const now = world.clock.now().getTime();
    expect(run?.deadlineAt).toBe(new Date(now + (run?.config.timeout_seconds ?? 0) * 1000).toISOString());
  });

  it("are one while it has not begun, and another once it has", async () => {
    await request("2026-08-01");
    await request("2026-08-01");
    const [first] = await runs();
    const claimed = await claimRun({ orgKey: org.key, runId: first?.runId ?? "", holder: "one" }, world.ports);
    await request("2026-08-01");
    await request("2026-08-01");

    expect(claimed.kind).toBe("claimed");
    expect((await runs()).map(({ status }) => status).sort()).toEqual(["PENDING", "RUNNING"]);
  });

  it("are one for each year, so that no document has to hold more days", async () => {
    await request("2024-01-01");

    expect((await runs()).map(({ range }) => range)).toEqual([
      { start: "2024-01-01", end: "2024-12-31" },
      { start: "2025-01-01", end: "2026-01-01" },
      { start: "2026-01-02", end: "2026-08-10" },
    ]);
  });

  it("restate the days after an earlier end, also where a day begins", async () => {
    const id = await plan({ plan_name: "PRO", unit_price: "31", seats: 1, start_date: "2026-08-01" });
    await request("2026-08-01");
    await work();
    const asked = { org, caller, provider: "slack", subscriptionId: id, request: { end_date: "2026-08-03" } };
    await endPlan(asked, plainEffects<PlanEnded>(world.ports), world.ports);
    await request("2026-08-04");
    await work();

    const days = await published("2026-08");
    expect([days["2026-08-03"], days["2026-08-04"], days["2026-08-10"]]).toEqual(["1", "0", "0"]);
  });

  // shown done when 5
  it("charge a plan of tomorrow from the first instant of its day, without a write in between", async () => {
    await plan({ plan_name: "PRO", unit_price: "31", seats: 1, start_date: "2026-08-11" });
    world.clock.set("2026-08-10T23:59:59.999Z");
    await request("2026-08-10");
    await work();
    world.clock.set("2026-08-11T00:00:00.000Z");
    await request("2026-08-10");
    await work();

    expect(await published("2026-08")).toEqual({ "2026-08-10": "0", "2026-08-11": "1" });
  });
});
