import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { claimRun } from "#shared/pipelines/claim.ts";
import { type CleanupReport, cleanUpOrphaned } from "./cleanup-orphaned.ts";

let world: World;
let org: OrgIdentity;
beforeAll(async () => {
  world = await startWorld();
  ({ org } = await world.onboarded("acme"));
  await world.connected(org, "orphanaccount1");
}, 60_000);
afterAll(() => world.stop());

const cleanUp = (minutes: number): Promise<CleanupReport> =>
  cleanUpOrphaned(minutes, plainEffects<CleanupReport>(world.ports), world.ports);

async function claimed(date: string): Promise<string> {
  const { run_id: runId } = await world.trigger(org, { date });
  await claimRun({ orgKey: org.key, runId, holder: "a worker that dies" }, world.ports);
  return runId;
}

describe("cleaning up", () => {
  it("ends the runs whose lease nobody has renewed for so long, and no other", async () => {
    const old = await claimed("2026-07-01");
    world.clock.advance(15 * 60);
    const dead = await claimed("2026-07-02");
    world.clock.advance(4 * 60);
    const living = await claimed("2026-07-03");

    const report = await cleanUp(10);

    expect(report).toMatchObject({ status: "success", total_pipelines_cleaned: 1, orgs_processed: 1 });
    expect(report).toMatchObject({ orgs_with_cleanup: 1, details: [{ org_slug: "acme", pipelines_cleaned: 1 }] });
    const statuses = await Promise.all([old, dead, living].map(async (id) => (await world.run(org, id)).status));
    expect(statuses).toEqual(["FAILED", "RUNNING", "RUNNING"]);
    expect((await world.run(org, old)).error).toMatchObject({ code: "RUN_TIMEOUT" });
    expect(await cleanUp(10)).toMatchObject({ total_pipelines_cleaned: 0, details: [] });
  });
});
