import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";
import { scheduleNotFound } from "./change-schedule.ts";
import { duePage, firePage, type TickPorts } from "./due-schedules.ts";
import { type Fired, fireSchedule } from "./fire.ts";
import { scheduleShards } from "./new-schedule.ts";
import type { ScheduleDocument } from "./schedule.ts";
import { isConfigId, type StoredSchedule, schedulesOf } from "./schedule-store.ts";

export const TriggerRequest = strictObject({
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
  config_id: Type.Optional(Type.String({ maxLength: 100, description: "This one now, even if it is not due" })),
});
type TriggerRequest = Static<typeof TriggerRequest>;

const count = Type.Integer({ minimum: 0 });

export const TriggerReport = strictObject({
  triggered_count: count,
  queued_count: count,
  skipped_count: count,
  next_trigger_time: nullable(Type.String({ format: "date-time" })),
  details: strictObject({
    due_pipelines_found: count,
    limit: count,
    skipped: Type.Array(strictObject({ config_id: Type.String(), reason: Type.String() })),
  }),
});
export type TriggerReport = Static<typeof TriggerReport>;

interface Asked {
  /** Undefined: the operator, for everybody. */
  org: OrgIdentity | undefined;
  request: TriggerRequest;
}

/**
 * Does at once what the next tick would do, or runs one schedule that is not due: then without a period, the next firing
 * stays. Throws `SCHEDULE_NOT_FOUND`.
 */
export async function triggerDue(
  asked: Asked,
  effects: Effects<TriggerReport>,
  ports: TickPorts,
): Promise<TriggerReport> {
  const { config_id: configId, limit } = asked.request;
  const found = configId === undefined ? await dueNow(asked, ports) : [await named(asked, configId, ports.documents)];
  const fired = configId === undefined ? await firePage(found, ports) : await firedOne(found[0], ports);
  const results = found.map(({ body }) => ({
    config_id: body.configId,
    result: fired.get(body.configId),
  }));
  const skipped = results.flatMap(({ config_id, result }) =>
    result?.outcome === "started" || result?.outcome === "waiting"
      ? []
      : [{ config_id, reason: result?.reason ?? result?.outcome ?? "error" }],
  );
  const report: TriggerReport = {
    triggered_count: results.filter(({ result }) => result?.outcome === "started").length,
    queued_count: results.filter(({ result }) => result?.outcome === "waiting").length,
    skipped_count: skipped.length,
    next_trigger_time: await nextDue(asked.org, ports.documents),
    details: { due_pipelines_found: found.length, limit, skipped },
  };
  return effects.commit(async (change) => {
    await effects.prepare(change);
    const { triggered_count, queued_count, skipped_count } = report;
    effects.conclude(change, report, {
      resourceId: configId ?? "due",
      details: { triggered_count, queued_count, skipped_count },
    });
    return report;
  });
}

async function firedOne(schedule: StoredSchedule | undefined, ports: TickPorts): Promise<Map<string, Fired>> {
  if (schedule === undefined) return new Map();
  return new Map([[schedule.body.configId, await fireSchedule(schedule.path, ports, { isForced: true })]]);
}

async function dueNow({ org, request }: Asked, ports: TickPorts): Promise<StoredSchedule[]> {
  const now = ports.clock.now();
  if (org !== undefined) {
    const own = await schedulesOf(org, ports.documents);
    return own.filter(({ body }) => body.active && Date.parse(body.dueAt) <= now.getTime()).slice(0, request.limit);
  }
  const found: StoredSchedule[] = [];
  for (let shard = 0; shard < scheduleShards && found.length < request.limit; shard++) {
    const page = await duePage(
      { shard, until: now, from: undefined, limit: request.limit - found.length },
      ports.documents,
    );
    found.push(...page.documents);
  }
  return found;
}

async function named({ org }: Asked, configId: string, documents: Documents): Promise<StoredSchedule> {
  if (!isConfigId(configId)) throw scheduleNotFound();
  const page = await documents.list<ScheduleDocument>({
    collection: "schedules",
    filters: [{ field: "configId", is: "==", value: configId }],
    limit: 1,
  });
  const [found] = page.documents;
  if (found === undefined || (org !== undefined && found.body.org !== org.key)) throw scheduleNotFound();
  return found;
}

/** When the next schedule is due, of one organization or of all. */
async function nextDue(org: OrgIdentity | undefined, documents: Documents): Promise<string | null> {
  const due = org === undefined ? await firstOfShards(documents) : await schedulesOf(org, documents);
  const instants = due.flatMap(({ body }) => (body.active ? [body.dueAt] : []));
  return instants.sort()[0] ?? null;
}

async function firstOfShards(documents: Documents): Promise<StoredSchedule[]> {
  const pages = await Promise.all(
    Array.from({ length: scheduleShards }, (_, shard) =>
      duePage({ shard, until: "ever", from: undefined, limit: 1 }, documents),
    ),
  );
  return pages.flatMap((page) => page.documents);
}
