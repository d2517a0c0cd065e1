import type { Documents, Page } from "#shared/platform/documents/documents.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { type Fired, fireSchedule } from "./fire.ts";
import { scheduleShards } from "./new-schedule.ts";
import { reconcilePlatform } from "./platform-schedules.ts";
import type { ScheduleDocument } from "./schedule.ts";
import { type ScheduleShardMessage, scheduleShardMessage } from "./schedule-message.ts";
import type { StoredSchedule } from "./schedule-store.ts";

export type TickPorts = ReservePorts & Pick<Surroundings, "log">;

/** Document `ticks/schedule`. */
export interface ScheduleTick {
  lastTickAt: string;
}

export const scheduleTickPath = "ticks/schedule";

const pageSize = 100;
/** How long one message works before it hands on what is left. */
const workMilliseconds = 300_000;
/** Organizations whose schedules are looked at together. */
const togetherOrgs = 8;

/**
 * Sets every shard to work. Two ticks at once do no harm: what one has taken the other finds not due. The platform's own
 * schedules are made by the first tick of an installation; no organization waits for them.
 */
export async function tickSchedules(ports: Omit<TickPorts, "log">): Promise<void> {
  await ports.documents.transaction(async (tx) => {
    const { readAt } = await tx.get<ScheduleTick>(scheduleTickPath);
    tx.set<ScheduleTick>(scheduleTickPath, { lastTickAt: readAt.toISOString() });
  });
  await ports.topics.publish(Array.from({ length: scheduleShards }, (_, shard) => scheduleShardMessage(shard)));
  await reconcilePlatform(ports);
}

/**
 * Runs what is due in one shard, page by page, each by priority, nominal time and id. After 300 s the rest is handed to
 * the next message. A crash loses nothing: what was not taken is due still.
 */
export async function runShard({ shard, cursor }: ScheduleShardMessage, ports: TickPorts): Promise<void> {
  const endsAt = ports.clock.now().getTime() + workMilliseconds;
  let from = cursor;
  do {
    const page = await duePage({ shard, until: ports.clock.now(), from, limit: pageSize }, ports.documents);
    await firePage(page.documents, ports);
    from = page.next;
    if (from !== undefined && ports.clock.now().getTime() >= endsAt) {
      await ports.topics.publish([scheduleShardMessage(shard, from)]);
      return;
    }
  } while (from !== undefined);
}

/** Active schedules of a shard that are due until then, those that wait longest first. */
export function duePage(
  asked: { shard: number; until: Date | "ever"; from: string | undefined; limit: number },
  documents: Documents,
): Promise<Page<ScheduleDocument>> {
  const { shard, until, from, limit } = asked;
  return documents.list<ScheduleDocument>({
    collection: "schedules",
    filters: [
      { field: "shard", is: "==", value: shard },
      { field: "active", is: "==", value: true },
      { field: "dueAt", is: "<=", value: until === "ever" ? "9999-12-31T23:59:59.999Z" : until.toISOString() },
    ],
    orderBy: [{ field: "dueAt", direction: "asc" }],
    limit,
    ...(from === undefined ? {} : { cursor: from }),
  });
}

/** The schedules of an organization one after the other, of several organizations side by side. */
export async function firePage(page: readonly StoredSchedule[], ports: TickPorts): Promise<Map<string, Fired>> {
  const lines = linesOf(page);
  const results = new Map<string, Fired>();
  const work = async (): Promise<void> => {
    for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
      for (const schedule of line) {
        const fired = await fireOne(schedule, ports);
        if (fired !== undefined) results.set(schedule.body.configId, fired);
      }
    }
  };
  await Promise.all(Array.from({ length: togetherOrgs }, work));
  return results;
}

/** The schedules of each organization by priority, nominal time and id. */
function linesOf(page: readonly StoredSchedule[]): StoredSchedule[][] {
  const byOrg = new Map<string, StoredSchedule[]>();
  for (const schedule of [...page].sort(inOrder)) {
    const line = byOrg.get(schedule.body.org);
    if (line === undefined) byOrg.set(schedule.body.org, [schedule]);
    else line.push(schedule);
  }
  return [...byOrg.values()];
}

function inOrder({ body: one }: StoredSchedule, { body: other }: StoredSchedule): number {
  return (
    other.priority - one.priority ||
    compared(one.nominalTime, other.nominalTime) ||
    compared(one.configId, other.configId)
  );
}

function compared(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** An error stops one schedule, not its shard; the next tick tries it again. */
async function fireOne({ path }: StoredSchedule, ports: TickPorts): Promise<Fired | undefined> {
  try {
    return await fireSchedule(path, ports);
  } catch (error) {
    ports.log.error({ schedule: path, err: error }, "a schedule failed");
    return undefined;
  }
}
