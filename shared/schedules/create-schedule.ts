import type { OrgIdentity } from "#shared/access/caller.ts";
import { type IntegrationsIndex, indexPath } from "#shared/integrations/credential.ts";
import { readOrganization } from "#shared/organizations/organization-store.ts";
import { isOwnProvider } from "#shared/pipelines/own-pipelines.ts";
import { parameterValues } from "#shared/pipelines/parameters.ts";
import type { Pipeline } from "#shared/pipelines/pipeline.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { Ids } from "#shared/platform/ids.ts";
import type { Change } from "#shared/runtime/change.ts";
import { Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { newSchedule } from "./new-schedule.ts";
import { type ScheduleAnswer, type ScheduleDocument, scheduleAnswer } from "./schedule.ts";
import { addressOf, cronOf, type ScheduleRequest, zoneOf } from "./schedule-request.ts";
import { maximumSchedules, schedulePath, schedulesOf, settledSchedule, writeSchedule } from "./schedule-store.ts";

/**
 * Makes a schedule; it fires first at the next nominal instant. Throws `PIPELINE_NOT_FOUND`, `PIPELINE_DISABLED`,
 * `CREDENTIAL_NOT_FOUND`, `SCHEDULE_EXISTS`, `TOO_MANY_SCHEDULES` and what is wrong with the rule itself.
 */
export async function createSchedule(
  asked: { org: OrgIdentity; request: ScheduleRequest },
  change: Change,
  { ids }: { ids: Ids },
): Promise<Reply<ScheduleAnswer>> {
  const { org, request } = asked;
  const pipeline = await schedulablePipeline(request);
  const parameters = parameterValues(pipeline.config.parameters, request.parameters ?? {});
  const { org: stored, subscription, now } = await readOrganization(org, change);
  const index = (await change.get<IntegrationsIndex>(indexPath(org))).body;
  const credentialId = knownCredential(request.credential_id, pipeline, index);
  const others = (await schedulesOf(org, change)).map(({ body }) => body);
  const path = schedulePath(org.key, ids.newId("cfg"));
  const snapshot = await change.get<ScheduleDocument>(path);
  const rule = cronOf(request.schedule_cron, subscription.entitlements.sync_interval_minutes, now);
  refuseSecond(others, { pipelineId: pipeline.config.id, credentialId, cron: rule.cron });
  const fresh = newSchedule({
    ...{ org, pipeline, parameters, credentialId, ...rule },
    ...zoneOf(request.timezone, stored.locale.defaultTimezone),
    configId: path.split(":").at(-1) ?? "",
    source: "custom",
    isActive: request.is_active ?? true,
    pausedReason: pausedReason(pipeline, index),
    priority: request.priority,
  });
  const schedule = settledSchedule(fresh, undefined, now);
  writeSchedule(schedule, snapshot, change);
  const at = change.now.toISOString();
  return new Reply(201, scheduleAnswer(schedule, { version: 1, createdAt: at, updatedAt: at }, null));
}

async function schedulablePipeline(request: ScheduleRequest): Promise<Pipeline> {
  const pipeline = (await pipelines()).byAddress(addressOf(request));
  if (pipeline.config.scope !== "org") throw new AppError("PIPELINE_NOT_FOUND", "There is no such pipeline.");
  if (!pipeline.config.enabled) throw new AppError("PIPELINE_DISABLED", "This pipeline is not enabled.");
  return pipeline;
}

function knownCredential(
  asked: string | null | undefined,
  { config }: Pipeline,
  index: IntegrationsIndex | undefined,
): string | null {
  if (asked == null) return null;
  if (Object.hasOwn(index?.providers[config.provider]?.credentials ?? {}, asked)) return asked;
  throw new AppError("CREDENTIAL_NOT_FOUND", "There is no such credential of this provider.");
}

/** Before its integration is connected a schedule waits for it. */
function pausedReason({ config }: Pipeline, index: IntegrationsIndex | undefined): string | null {
  const isConnected = isOwnProvider(config.provider) || index?.providers[config.provider] !== undefined;
  return isConnected ? null : "INTEGRATION_NOT_CONFIGURED";
}

function refuseSecond(
  others: readonly ScheduleDocument[],
  fresh: Pick<ScheduleDocument, "pipelineId" | "credentialId" | "cron">,
): void {
  const same = others.find(
    ({ pipelineId, credentialId, cron }) =>
      pipelineId === fresh.pipelineId && credentialId === fresh.credentialId && cron === fresh.cron,
  );
  if (same !== undefined)
    throw new AppError("SCHEDULE_EXISTS", `${same.configId} runs this pipeline at the same times.`, {
      extra: { config_id: same.configId },
    });
  if (others.length >= maximumSchedules)
    throw new AppError("TOO_MANY_SCHEDULES", `An organization has at most ${maximumSchedules} schedules.`);
}
