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

it("does not end a run that was given more time after it was found overdue", async () => {
  const { org } = await world.onboarded("let_in");
  await world.connected(org, "sweepaccount2");
  const { run_id: runId } = await world.trigger(org, { date: "2026-07-01" });
  const path = runPath(org.key, runId);
  const { documents } = world.ports;
  world.clock.advance(40 * 86_400);
  const later = new Date(world.clock.now().getTime() + 3_600_000).toISOString();
  const withMoreTime = async () => {
    await documents.transaction(async (tx) => {
      const { body } = await tx.get<RunDocument>(path);
      tx.set(path, { ...body, deadlineAt: later });
    });
  };
  let isMoved = false;
  const get: typeof documents.get = async (asked) => {
    const found = await documents.get<object>(asked);
    if (asked === path && !isMoved) {
      isMoved = true;
      await withMoreTime();
    }
    return found as never;
  };

  await sweepRuns({ ...world.ports, documents: { ...documents, get } });

  expect(isMoved).toBe(true);
  expect((await documents.get<RunDocument>(path)).body).toMatchObject({ status: "PENDING", deadlineAt: later });
});
