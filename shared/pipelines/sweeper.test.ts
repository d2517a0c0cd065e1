import { afterAll, beforeAll, expect, it } from "vitest";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import type { RunDocument, RunIndexDocument } from "./run.ts";
import { runIndexPath, runPath } from "./run-paths.ts";
import { shardOf } from "./run-shard.ts";
import { sweepRuns } from "./sweeper.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world.stop());

it("puts all other runs right where one cannot be, and says which", async () => {
  const { org } = await world.onboarded("acme");
  await world.connected(org, "sweepaccount1");
  const ids: string[] = [];
  for (const date of ["2026-07-01", "2026-07-02", "2026-07-03"]) ids.push((await world.trigger(org, { date })).run_id);
  // Swept first of all, so that it would hold back the others.
  const [broken = "", ...others] = ids.sort((one, other) => shardOf(one) - shardOf(other) || (one < other ? -1 : 1));
  await world.ports.documents.transaction(async (tx) => {
    const path = runPath(org.key, broken);
    const { body } = await tx.get<RunDocument>(path);
    tx.set(path, { ...body, org: null });
  });
  world.clock.advance(601);
  const errors: object[] = [];
  const log = { ...world.ports.log, error: (facts: object) => void errors.push(facts) };

  expect(await sweepRuns({ ...world.ports, log })).toBe(2);

  const indexes = await world.ports.documents.getAll<RunIndexDocument>(others.map(runIndexPath));
  expect(indexes.map(({ body }) => body?.publications)).toEqual([1, 1]);
  expect(errors).toMatchObject([{ run: runIndexPath(broken) }]);
});
