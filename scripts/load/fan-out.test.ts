import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { day, fanOut, fanOutWorld } from "./fan-out.ts";

const size = { organizations: 8, sources: 5 };

describe("a fan-out of 8 organizations with 5 sources each", () => {
  let made: { world: World; orgs: OrgIdentity[] };
  beforeAll(async () => {
    made = await fanOutWorld(size);
  }, 180_000);
  afterAll(() => made.world.stop());

  it("publishes every source of every organization once, and leaves no slot", async () => {
    const { runs, orgs } = await fanOut(made, size);

    expect(runs).toBe(40);
    for (const org of orgs) {
      const { days } = await publishedMonth(org, day.slice(0, 7), 1, made.world.ports.documents);
      expect(days.map(({ day: published, totals }) => [published, totals["USD"]?.[0]])).toEqual(
        Array.from({ length: size.sources }, () => [day, "12.34"]),
      );
      expect(new Set(days.map(({ source }) => source)).size).toBe(size.sources);
      const quota = (await made.world.ports.documents.get<QuotaDocument>(quotaPath(org))).body;
      expect(quota).toMatchObject({ dayRuns: size.sources, daySucceeded: size.sources, running: {} });
    }
  }, 180_000);
});
