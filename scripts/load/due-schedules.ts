import { plainEffects } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { type IntegrationsIndex, indexPath } from "#shared/integrations/credential.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import type { Reply } from "#shared/runtime/declaration.ts";
import { createSchedule } from "#shared/schedules/create-schedule.ts";
import { runShard, tickSchedules } from "#shared/schedules/due-schedules.ts";
import type { ScheduleAnswer, ScheduleDocument } from "#shared/schedules/schedule.ts";
import type { ScheduleShardMessage } from "#shared/schedules/schedule-message.ts";
import { maximumSchedules, schedulesOf } from "#shared/schedules/schedule-store.ts";
import type { LoadWorld, MovableClock } from "./load-world.ts";

export interface DispatchReport {
  /** Schedules that were due, and are through. */
  dispatched: number;
  /** Runs they made: schedules of one credential that are due together share one. */
  runs: number;
  seconds: number;
}

const shardPolicy = {
  ackDeadlineSeconds: 600,
  minimumBackoffSeconds: 10,
  maximumBackoffSeconds: 600,
  maximumDeliveries: 10,
};
const hour = 3_600_000;

/**
 * Gives the organizations so many schedules that are due at one instant, and measures how long one tick takes to make
 * their runs. The runs are not worked on. At most fifty per organization; one per credential and minute of the hour.
 */
export async function dispatchDue(made: LoadWorld & { clock: MovableClock }, count: number): Promise<DispatchReport> {
  const { world, orgs, clock } = made;
  const { ports } = world;
  const each = Math.ceil(count / orgs.length);
  if (each > maximumSchedules) throw new Error(`at most ${maximumSchedules} schedules for each organization`);
  for (const [at, org] of orgs.entries()) await scheduled(org, Math.min(each, count - at * each), made);
  const topics = inProcessTopics({ clock });
  ports.topics = topics;
  topics.subscribe("schedule-shard", shardPolicy, ({ payload }) => runShard(payload as ScheduleShardMessage, ports));
  clock.advance(26 * hour);
  const began = performance.now();
  await tickSchedules(ports);
  await topics.idle();
  const seconds = (performance.now() - began) / 1000;
  const all: ScheduleDocument[] = [];
  for (const org of orgs) all.push(...(await schedulesOf(org, ports.documents)).map(({ body }) => body));
  const through = all.filter(({ lastPeriod }) => lastPeriod !== null);
  return { dispatched: through.length, runs: new Set(through.flatMap(({ lastRunIds }) => lastRunIds)).size, seconds };
}

async function scheduled(org: OrgIdentity, count: number, { world }: LoadWorld): Promise<void> {
  const { ports } = world;
  const index = (await ports.documents.get<IntegrationsIndex>(indexPath(org))).body;
  const credentials = Object.keys(index?.providers["openai"]?.credentials ?? {});
  for (let at = 0; at < count; at++) {
    const request = {
      ...{ pipeline_id: "openai-cost-usage-cost", schedule_cron: `${Math.floor(at / credentials.length)} 3 * * *` },
      credential_id: credentials[at % credentials.length] ?? null,
    };
    await plainEffects<Reply<ScheduleAnswer>>(ports).commit((change) =>
      createSchedule({ org, request }, change, ports),
    );
  }
}
