import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { isPlatformScope } from "#shared/access/platform-scope.ts";
import { readOrganization } from "#shared/organizations/organization-store.ts";
import { parameterValues } from "#shared/pipelines/parameters.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { runPath } from "#shared/pipelines/run-paths.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { type ScheduleAnswer, type ScheduleDocument, scheduleAnswer } from "./schedule.ts";
import { cronOf, type ScheduleUpdate, zoneOf } from "./schedule-request.ts";
import {
  deleteSchedule,
  isConfigId,
  type StoredSchedule,
  schedulePath,
  settledSchedule,
  writeSchedule,
} from "./schedule-store.ts";

export const ScheduleRemoval = strictObject({
  success: Type.Boolean(),
  config_id: Type.String(),
  is_active: Type.Boolean(),
  message: Type.String(),
});
export type ScheduleRemoval = Static<typeof ScheduleRemoval>;

interface Named {
  org: OrgIdentity;
  configId: string;
}

/** Throws `SCHEDULE_NOT_FOUND`: the same for another organization's schedule and for none. */
export async function storedSchedule({ org, configId }: Named, store: Pick<Documents, "get">): Promise<StoredSchedule> {
  if (!isConfigId(configId)) throw scheduleNotFound();
  const snapshot = await store.get<ScheduleDocument>(schedulePath(org.key, configId));
  if (snapshot.body === undefined) throw scheduleNotFound();
  return { ...snapshot, body: snapshot.body };
}

/**
 * Changes the members that the request names; nothing runs retroactively. Throws `SCHEDULE_NOT_FOUND`,
 * `VERSION_CONFLICT`, and what is wrong with the rule.
 */
export async function updateSchedule(
  asked: Named & { request: ScheduleUpdate },
  change: Change,
): Promise<ScheduleAnswer> {
  const { org, request } = asked;
  const stored = await storedSchedule(asked, change);
  refuseOtherVersion(request.version, stored);
  const { ownZone, interval, now } = await planOf(stored, org, change);
  const [last] = stored.body.lastRunIds;
  const run = last === undefined ? undefined : (await change.get<RunDocument>(runPath(org.key, last))).body;
  const before = stored.body;
  const zone = request.timezone === undefined ? {} : zoneOf(request.timezone, ownZone);
  const rule = request.schedule_cron === undefined ? {} : cronOf(request.schedule_cron, interval, now);
  const next: ScheduleDocument = {
    ...before,
    ...zone,
    ...rule,
    isActive: request.is_active ?? before.isActive,
    // Who switches it on wants it tried: the next tick pauses it again where it cannot run.
    pausedReason: request.is_active === true ? null : before.pausedReason,
    priority: request.priority ?? before.priority,
    parameters: await parametersOf(request, before),
  };
  const settled = settledSchedule(next, before, now);
  writeSchedule(settled, stored, change);
  const facts = { ...stored, version: stored.version + 1, updatedAt: change.now.toISOString() };
  return scheduleAnswer(settled, facts, run?.status ?? null);
}

/** By whose zone and plan a rule is judged; the platform has the days of UTC and no plan. */
async function planOf(
  { readAt }: StoredSchedule,
  org: OrgIdentity,
  change: Change,
): Promise<{ ownZone: string; interval: number; now: Date }> {
  if (isPlatformScope(org)) return { ownZone: "UTC", interval: 0, now: readAt };
  const { org: owner, subscription, now } = await readOrganization(org, change);
  return { ownZone: owner.locale.defaultTimezone, interval: subscription.entitlements.sync_interval_minutes, now };
}

/**
 * Removes a schedule; one that its integration brought is switched off instead, so that nothing brings it back. Runs under
 * way go on. Throws `SCHEDULE_NOT_FOUND`.
 */
export async function removeSchedule(asked: Named, change: Change): Promise<ScheduleRemoval> {
  const stored = await storedSchedule(asked, change);
  const isDefault = stored.body.source === "default";
  if (isDefault)
    writeSchedule(settledSchedule({ ...stored.body, isActive: false }, stored.body, stored.readAt), stored, change);
  else deleteSchedule(stored, change);
  const message = isDefault
    ? "The schedule is switched off; runs under way go on."
    : "The schedule is deleted; runs under way go on.";
  return { success: true, config_id: asked.configId, is_active: false, message };
}

async function parametersOf(
  { parameters }: ScheduleUpdate,
  before: ScheduleDocument,
): Promise<ScheduleDocument["parameters"]> {
  if (parameters === undefined) return before.parameters;
  const { config } = (await pipelines()).byAddress(before.pipelineId);
  return parameterValues(config.parameters, parameters);
}

function refuseOtherVersion(seen: number | undefined, { version }: StoredSchedule): void {
  if (seen === undefined || seen === version) return;
  throw new AppError("VERSION_CONFLICT", `The schedule has changed: its version is ${version}.`, {
    fields: [{ path: "/version", problem: `is not ${version}` }],
  });
}

export function scheduleNotFound(): AppError {
  return new AppError("SCHEDULE_NOT_FOUND", "There is no such schedule.");
}
