import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { closeAsItStands } from "#scripts/e2e/closed-month.fixture.ts";
import { shapedAdapter, shapedRun } from "#scripts/e2e/shaped-run.fixture.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import {
  type BudgetLimits,
  budgetLimits,
  budgetPath,
  nextBudgetAt,
  type WarehouseBudget,
} from "#shared/ledger/warehouse-budget.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { processRun } from "./engine.ts";
import type { RunDocument } from "./run.ts";
import type { TransitionDocument } from "./run-history.ts";
import { runPath } from "./run-paths.ts";
import { sweepRuns } from "./sweeper.ts";

const limits: BudgetLimits = { jobs: { backfill: 1, all: 2 }, modifications: { backfill: 100, all: 200 } };

describe("runs and a backfill on a day on which the warehouse refuses the third load of a table", () => {
  let world: World;
  let org: OrgIdentity;
  beforeAll(async () => {
    world = await startWorld();
    ({ org } = await world.onboarded("budgeted"));
    await world.connected(org, "budgeted");
  });
  afterAll(() => world.stop());

  const jobs = new Map<string, Set<string>>();
  let refusals = 0;
  const strict = (): Warehouse => ({
    ...world.ports.warehouse,
    write: async (batch) => {
      const key = `${batch.table.name} ${world.clock.now().toISOString().slice(0, 10)}`;
      const own = jobs.get(key) ?? new Set();
      jobs.set(key, own.add(batch.batchId));
      if (own.size > limits.jobs.all) {
        refusals += 1;
        throw new Error(`the warehouse refuses job ${own.size} of ${batch.table.name}`);
      }
      await world.ports.warehouse.write(batch);
    },
  });
  const work = async (runId: string): Promise<RunDocument> => {
    const ports = { ...world.ports, warehouse: strict() };
    await processRun({ org: org.key, run_id: runId }, ports, { budget: limits, adapterOf: () => shapedAdapter({}) });
    return world.run(org, runId);
  };
  const triggered = async (date: string, backfillId: string | null): Promise<string> => {
    const runId = await shapedRun(world, org, { date, queue: true });
    await world.ports.documents.transaction(async (tx) => {
      const { body, path } = await tx.get<RunDocument>(runPath(org.key, runId));
      if (body !== undefined) tx.set<RunDocument>(path, { ...body, backfillId });
    });
    return runId;
  };

  it("see no refusal: the backfill parks first, then all, and each finishes on the next day", async () => {
    const first = await work(await triggered("2026-07-01", null));
    const backfill = await work(await triggered("2026-06-01", "bf_1"));
    const second = await work(await triggered("2026-07-02", null));
    const last = await work(await triggered("2026-07-05", null));

    expect([first.status, second.status]).toEqual(["COMPLETED", "COMPLETED"]);
    for (const parked of [backfill, last]) {
      expect([parked.status, parked.wakeAt]).toEqual(["RUNNING", "2026-08-11T00:10:00.000Z"]);
      expect(parked.warnings).toEqual([expect.stringMatching(/^WAREHOUSE_BUDGET: \w+ takes no more loads today/)]);
      const { documents } = await world.ports.documents.list<TransitionDocument>({
        collection: `${runPath(org.key, parked.runId)}/transitions`,
        limit: 100,
      });
      expect(documents.map(({ body }) => body.reason)).toContain(parked.warnings[0]);
    }

    world.clock.set("2026-08-11T00:09:00Z");
    expect((await work(last.runId)).wakeAt).toBe(last.wakeAt);
    world.clock.set("2026-08-11T00:11:00Z");
    await sweepRuns(world.ports);
    const finished = [await work(backfill.runId), await work(last.runId)];

    expect(finished.map(({ status, result }) => [status, result?.publishedDays.length])).toEqual([
      ["COMPLETED", 1],
      ["COMPLETED", 1],
    ]);
    expect(refusals).toBe(0);
  }, 120_000);

  it("see a correction of a closed month wait too, and booked once on the next day", async () => {
    const { org: corrected } = await world.onboarded("corrected");
    await world.connected(corrected, "corrected");
    const day = "2026-07-01";
    await world.ran(corrected, { date: day });
    await closeAsItStands(world, corrected, "2026-07");
    const change = { day, line_item: "code interpreter sessions", delta: "-1.25" };
    await world.sim("PUT", "adjust", { provider: "openai", account: "corrected", ...change });
    const now = world.clock.now();
    await world.ports.documents.transaction(async (tx) => {
      const { body, path } = await tx.get<WarehouseBudget>(budgetPath(corrected.key, now));
      if (body === undefined) throw new Error("nothing was counted");
      const jobs = { ...body.jobs, cost_data_standard: budgetLimits.jobs.all - 1 };
      tx.set<WarehouseBudget>(path, { ...body, jobs });
    });
    const { run_id: runId } = await world.trigger(corrected, { date: day });

    await processRun({ org: corrected.key, run_id: runId }, world.ports);
    const parked = await world.run(corrected, runId);
    world.clock.set(new Date(nextBudgetAt(now).getTime() + 60_000).toISOString());
    await processRun({ org: corrected.key, run_id: runId }, world.ports);
    const finished = await world.run(corrected, runId);

    expect([parked.status, parked.wakeAt]).toEqual(["RUNNING", nextBudgetAt(now).toISOString()]);
    expect(parked.warnings).toEqual([expect.stringMatching(/^WAREHOUSE_BUDGET: cost_data_standard takes no more/)]);
    expect([finished.status, finished.result?.heldDays]).toEqual(["COMPLETED", [day]]);
    const { adjustments = [] } = await publishedMonth(corrected, "2026-08", 1, world.ports.documents);
    expect(adjustments.map(({ totals }) => totals)).toEqual([{ USD: ["-1.25", "-1.25"] }]);
  }, 120_000);
});
