import { afterEach, beforeEach, expect, it } from "vitest";
import { interruptedAt } from "#scripts/e2e/interrupted-ports.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import { platformScope } from "#shared/access/platform-scope.ts";
import { listRuns } from "#shared/pipelines/runs-read.ts";
import type { Message, Topics } from "#shared/platform/topics/topics.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { removeSchedule, updateSchedule } from "./change-schedule.ts";
import { runShard, tickSchedules } from "./due-schedules.ts";
import { scheduleShards } from "./new-schedule.ts";
import { reconcilePlatform } from "./platform-schedules.ts";
import { readQueue } from "./queue-read.ts";
import { listSchedules } from "./read-schedules.ts";

let world: World;

beforeEach(async () => {
  world = await startWorld({ now: "2026-07-06T05:00:00Z" });
});
afterEach(() => world.stop());

async function ticked(instant: string): Promise<void> {
  world.clock.set(instant);
  await tickSchedules(world.ports);
  for (let shard = 0; shard < scheduleShards; shard += 1) await runShard({ v: 1, shard }, world.ports);
}

const schedules = () => listSchedules(platformScope, {}, world.ports.documents);

async function started(): Promise<string[]> {
  const { runs } = await listRuns(platformScope, { limit: 50, offset: 0 }, world.ports.documents);
  return runs.map(({ pipeline_id, trigger_type }) => `${trigger_type} ${pipeline_id}`).sort();
}

it("run the platform's pipelines from the first tick on, each period once, without any organization", async () => {
  await ticked("2026-07-06T05:05:00Z");
  const made = await schedules();
  await ticked("2026-07-06T06:45:00Z");
  await ticked("2026-07-06T06:50:00Z");
  const morning = await started();
  const { queue } = await readQueue(undefined, { org_slug: "platform", limit: 100 }, world.ports.documents);
  for (const { run_id } of (await listRuns(platformScope, { limit: 50, offset: 0 }, world.ports.documents)).runs)
    await world.process(platformScope, run_id);
  await ticked("2026-07-06T15:45:00Z");
  await ticked("2026-07-07T01:45:00Z");

  expect(made.map(({ pipeline_id, timezone, is_active }) => [pipeline_id, timezone, is_active]).sort()).toEqual([
    ["platform-fx-rates", "UTC", true],
    ["platform-price-book", "UTC", true],
  ]);
  expect(morning).toEqual(["scheduled platform-fx-rates"]);
  expect(queue).toMatchObject([{ pipeline_id: "platform-fx-rates", state: "PROCESSING" }]);
  // 06:30, 15:30, and at night the one of 17:30 that no tick took.
  expect(await started()).toEqual([
    "scheduled platform-fx-rates",
    "scheduled platform-fx-rates",
    "scheduled platform-fx-rates",
    "scheduled platform-price-book",
  ]);
});

it("keep no organization waiting where they cannot be put right", async () => {
  const { ports } = interruptedAt(2, "fails before", world.ports);
  const published: Message[] = [];
  const topics: Topics = { publish: async (messages) => void published.push(...messages), close: async () => {} };

  await expect(tickSchedules({ ...ports, topics })).rejects.toMatchObject({ code: "DOCUMENTS_UNAVAILABLE" });

  expect(published).toHaveLength(scheduleShards);
  expect(await schedules()).toEqual([]);
});

it("stay off where the operator has switched them off, and take another time", async () => {
  await ticked("2026-07-06T05:05:00Z");
  const byPipeline = new Map((await schedules()).map((each) => [each.pipeline_id, each.config_id]));
  const configId = byPipeline.get("platform-fx-rates") ?? "";
  await commitChange((change) => removeSchedule({ org: platformScope, configId }, change), world.ports);
  await ticked("2026-07-06T06:45:00Z");
  const off = await started();
  const again = await reconcilePlatform(world.ports);
  const request = { is_active: true, schedule_cron: "0 20 * * *" };
  await commitChange((change) => updateSchedule({ org: platformScope, configId, request }, change), world.ports);
  await ticked("2026-07-06T20:15:00Z");

  expect([off, again]).toEqual([[], 0]);
  expect(await started()).toEqual(["scheduled platform-fx-rates"]);
});
