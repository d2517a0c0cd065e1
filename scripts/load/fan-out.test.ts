import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { dispatchDue } from "./due-schedules.ts";
import { day, fanOut, oneByOne } from "./fan-out.ts";
import { type LoadWorld, loadWorld, type MovableClock } from "./load-world.ts";

const size = { organizations: 8, sources: 5 };

describe("a fan-out of 8 organizations with 5 sources each", () => {
  let made: LoadWorld & { clock: MovableClock };
  beforeAll(async () => {
    made = await loadWorld(size);
  }, 180_000);
  afterAll(() => made.world.stop());

  it("publishes every source of every organization once, and leaves no slot", async () => {
    const report = await fanOut(made, size);

    expect(report).toMatchObject({ runs: 40, deliveriesPerRun: 1, claimsPerRun: 1 });
    expect(report.memory).toHaveLength(4);
    expect(made.orgs).toHaveLength(8);
    for (const org of made.orgs) {
      const { days } = await publishedMonth(org, day.slice(0, 7), 1, made.world.ports.documents);
      expect(days.map(({ day: published, totals }) => [published, totals["USD"]?.[0]])).toEqual(
        Array.from({ length: size.sources }, () => [day, "12.34"]),
      );
      expect(new Set(days.map(({ source }) => source)).size).toBe(size.sources);
      const quota = (await made.world.ports.documents.get<QuotaDocument>(quotaPath(org))).body;
      expect(quota).toMatchObject({ dayRuns: size.sources, daySucceeded: size.sources, running: {} });
    }
  }, 180_000);

  it("runs the sources of one organization after the other when asked to", async () => {
    const report = await oneByOne({ ...made, orgs: made.orgs.slice(0, 2) }, "2026-08-07");

    expect(report).toMatchObject({ runs: 10, deliveriesPerRun: 1, claimsPerRun: 1 });
  }, 60_000);

  it("dispatches every due schedule once, by the tick", async () => {
    const { dispatched, runs } = await dispatchDue(made, 20);

    expect([dispatched, runs]).toEqual([20, 20]);
  }, 60_000);
});
