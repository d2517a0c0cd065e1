import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { pipelineStatus } from "#shared/pipelines/pipeline-status.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { runPath } from "#shared/pipelines/run-paths.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { storedSchedule } from "./change-schedule.ts";
import { ScheduleAnswer, scheduleAnswer } from "./schedule.ts";
import { maximumSchedules, type StoredSchedule, schedulesOf } from "./schedule-store.ts";

export const ScheduleListQuery = strictObject({ is_active: Type.Optional(Type.Boolean()) });
type ScheduleListQuery = Static<typeof ScheduleListQuery>;

export const ScheduleList = Type.Array(ScheduleAnswer);

/** The schedules of an organization, the next to run first. */
export async function listSchedules(
  org: OrgIdentity,
  query: ScheduleListQuery,
  documents: Documents,
): Promise<ScheduleAnswer[]> {
  const { is_active } = query;
  const all = (await schedulesOf(org, documents))
    .filter(({ body }) => is_active === undefined || body.isActive === is_active)
    .sort((one, other) => (dueOf(one) < dueOf(other) ? -1 : 1))
    .slice(0, maximumSchedules);
  return answered(org, all, documents);
}

/** One schedule. Throws `SCHEDULE_NOT_FOUND`. */
export async function readSchedule(org: OrgIdentity, configId: string, documents: Documents): Promise<ScheduleAnswer> {
  const stored = await storedSchedule({ org, configId }, documents);
  const [answer] = await answered(org, [stored], documents);
  if (answer === undefined) throw new Error("one schedule has one answer");
  return answer;
}

/** How the pipelines of an organization stand, with the instant each runs next by itself. */
export async function statusWithNextRuns(
  org: OrgIdentity,
  query: Parameters<typeof pipelineStatus>[1],
  documents: Documents,
): ReturnType<typeof pipelineStatus> {
  const [status, schedules] = await Promise.all([pipelineStatus(org, query, documents), schedulesOf(org, documents)]);
  const pipelines = Object.entries(status.pipelines).map(([id, pipeline]) => {
    const due = schedules.flatMap(({ body }) => (body.active && body.pipelineId === id ? [body.dueAt] : [])).sort();
    return [id, { ...pipeline, next_run_time: due[0] ?? null }] as const;
  });
  return { ...status, pipelines: Object.fromEntries(pipelines) };
}

function dueOf({ body }: StoredSchedule): string {
  return body.active ? body.dueAt : `9999${body.configId}`;
}

async function answered(
  org: OrgIdentity,
  schedules: readonly StoredSchedule[],
  documents: Documents,
): Promise<ScheduleAnswer[]> {
  const ids = [...new Set(schedules.flatMap(({ body }) => body.lastRunIds.slice(0, 1)))];
  const runs = await documents.getAll<RunDocument>(ids.map((id) => runPath(org.key, id)));
  const statuses = new Map(runs.map(({ body }, at) => [ids[at] ?? "", body?.status ?? null]));
  return schedules.map((stored) =>
    scheduleAnswer(stored.body, stored, statuses.get(stored.body.lastRunIds[0] ?? "") ?? null),
  );
}
