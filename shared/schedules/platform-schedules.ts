import { platformScope } from "#shared/access/platform-scope.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { isScheduled, schedulesRepaired } from "./default-schedules.ts";
import type { TickPorts } from "./due-schedules.ts";
import { deleteSchedule, schedulesOf } from "./schedule-store.ts";

/**
 * Puts the schedules of the platform's own pipelines right: missing ones are made, those of pipelines that are gone
 * removed; what the operator has switched off stays so. Answers how many were changed.
 */
export async function reconcilePlatform(ports: Omit<TickPorts, "log">): Promise<number> {
  const own = (await pipelines()).pipelines.filter(({ config }) => config.scope === "platform");
  const known = new Set(own.map(({ config }) => config.id));
  return commitChange(async (change) => {
    const repair = await schedulesRepaired(platformScope, own.filter(isScheduled), change);
    const orphans = (await schedulesOf(platformScope, change)).filter(({ body }) => !known.has(body.pipelineId));
    for (const orphan of orphans) deleteSchedule(orphan, change);
    return repair() + orphans.length;
  }, ports);
}
