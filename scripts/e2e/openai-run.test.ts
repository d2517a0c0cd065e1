import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import { publishedBilled, startWorld, type World } from "./world.ts";

describe("a run of openai/cost/usage_cost", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.stop());

  it("publishes a month that equals the provider's truth to the last digit", async () => {
    const { org } = await world.onboarded("acme");
    await world.connected(org, "example1");

    const run = await world.ran(org, { start_date: "2026-07-01", end_date: "2026-07-31" });

    expect(run.error).toBeNull();
    expect(run.status).toBe("COMPLETED");
    const month = await publishedMonth(org, "2026-07", 1, world.ports.documents);
    expect(publishedBilled(month)).toEqual(await world.truth("example1", "2026-07-01", "2026-07-31"));
    expect(run.unit.state).toBe("used");
  });
});
