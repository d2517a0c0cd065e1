import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { auditedEffects } from "#scripts/e2e/audited-effects.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { emptyQuota, type QuotaDocument } from "./quota.ts";
import { quotaReport } from "./quota-report.ts";
import { quotaPath } from "./reserve.ts";
import { keepQuotas, type UpkeepReport } from "./upkeep.ts";

let world: World;
let org: OrgIdentity;
beforeEach(async () => {
  world = await startWorld({ now: "2028-02-28T23:00:00Z" });
  org = (await world.onboarded("Kept", "PROFESSIONAL")).org;
});
afterEach(() => world.stop());

const keep = (): Promise<UpkeepReport> =>
  keepQuotas(auditedEffects<UpkeepReport>("quota.reset_requested", world.ports), world.ports);

async function store(counters: Partial<QuotaDocument>): Promise<void> {
  await world.ports.documents.transaction(async (tx) => {
    await tx.get(quotaPath(org));
    tx.set<QuotaDocument>(quotaPath(org), { ...emptyQuota(world.clock.now()), ...counters });
  });
}

const stored = () => world.ports.documents.get<QuotaDocument>(quotaPath(org));

describe("the old reset endpoints", () => {
  it("called in a loop change no counter of the day and no live slot", async () => {
    const running = { run_1: { until: "2028-02-28T23:10:00.000Z" } };
    await store({ dayRuns: 7, monthRuns: 99, dayRefunds: 2, daySucceeded: 3, running });
    const before = await stored();

    const reports = [await keep(), await keep(), await keep()];

    expect(reports).toEqual(Array(3).fill(expect.objectContaining({ orgs_processed: 0, orgs_skipped: 1 })));
    expect(await stored()).toMatchObject({ body: before.body, version: before.version });
  });

  it("make a due roll and the removal of dead slots durable, once", async () => {
    const running = {
      run_dead: { until: "2028-02-28T23:59:59.999Z" },
      run_live: { until: "2028-02-29T00:10:00.000Z" },
    };
    await store({ dayRuns: 7, monthRuns: 99, running });
    world.clock.set("2028-02-29T00:00:00Z");

    const [first, second] = [await keep(), await keep()];

    expect([first.orgs_processed, second.orgs_processed]).toEqual([1, 0]);
    expect((await stored()).body).toMatchObject({ day: "2028-02-29", month: "2028-02", dayRuns: 0, monthRuns: 99 });
    expect(Object.keys((await stored()).body?.running ?? {})).toEqual(["run_live"]);
  });

  it("make what an organization lacks", async () => {
    await world.ports.documents.transaction(async (tx) => {
      await tx.get(quotaPath(org));
      tx.delete(quotaPath(org));
    });

    expect(await keep()).toMatchObject({ success: true, orgs_created: 1, orgs_processed: 0, orgs_skipped: 0 });
  });
});

describe("the counters without any job", () => {
  it.each([
    ["a day", "2028-02-28T23:59:59.999Z", "2028-02-29T00:00:00.000Z", 0, 99],
    ["a leap day and a month", "2028-02-29T23:59:59.999Z", "2028-03-01T00:00:00.000Z", 0, 0],
    ["a year", "2028-12-31T23:59:59.999Z", "2029-01-01T00:00:00.000Z", 0, 0],
  ])(
    "are 0 at the first read over the end of %s, and do not come back or reset twice an hour earlier",
    async (_, last, first, day, month) => {
      world.clock.set(last);
      await store({ dayRuns: 7, monthRuns: 99 });

      const before = await quotaReport(org, world.ports.documents);
      world.clock.set(first);
      const after = await quotaReport(org, world.ports.documents);
      await keep();
      await store({ ...(await stored()).body, dayRuns: 2 });
      world.clock.advance(-3600);
      const back = await quotaReport(org, world.ports.documents);

      expect([before.pipelines_run_today, before.pipelines_run_month]).toEqual([7, 99]);
      expect([after.pipelines_run_today, after.pipelines_run_month]).toEqual([day, month]);
      expect([back.pipelines_run_today, back.usage_date]).toEqual([2, first.slice(0, 10)]);
    },
  );
});
