import type { OrgIdentity } from "#shared/access/caller.ts";
import {
  type CredentialDocument,
  credentialPath,
  effectiveStatus,
  type IntegrationsIndex,
  indexPath,
} from "#shared/integrations/credential.ts";
import { existingOrg, type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { isOwnProvider } from "#shared/pipelines/own-pipelines.ts";
import type { Pipeline } from "#shared/pipelines/pipeline.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { Change } from "#shared/runtime/change.ts";
import { checkedCron, shortestGapMinutes } from "./cron.ts";
import { defaultConfigId, newSchedule } from "./new-schedule.ts";
import type { ScheduleDocument } from "./schedule.ts";
import { type StoredSchedule, schedulePath, schedulesOf, settledSchedule, writeSchedule } from "./schedule-store.ts";

/**
 * Reads what a provider that can be used now needs, inside the transaction that makes it usable; the answer writes it: the
 * schedules its pipelines have by themselves, once, and those go on that waited for it.
 */
export async function schedulesWhenUsable(org: OrgIdentity, provider: string, change: Change): Promise<() => void> {
  const usable = scheduled((await pipelines()).pipelines).filter(({ config }) => config.provider === provider);
  const repair = await schedulesRepaired(org, usable, change);
  return () => {
    repair();
  };
}

/**
 * The schedules of an organization for the pipelines that it can use: missing ones are made, paused ones go on, such
 * without a date get one. What people have switched off stays so. The answer writes, and says how many it has changed.
 */
export async function schedulesRepaired(
  org: OrgIdentity,
  usable: readonly Pipeline[],
  change: Change,
): Promise<() => number> {
  const { body, readAt: now } = await change.get<OrgDocument>(orgPath(org.key));
  const zone = existingOrg(body).locale.defaultTimezone;
  const ids = new Map(usable.map((pipeline) => [defaultConfigId(org, pipeline.config.id), pipeline]));
  const defaults = await change.getAll<ScheduleDocument>([...ids.keys()].map((id) => schedulePath(org.key, id)));
  const others = await schedulesOf(org, change);
  const fresh = [...ids].flatMap(([configId, pipeline], at) => {
    const stored = defaults[at];
    return stored === undefined || stored.body !== undefined
      ? []
      : [{ stored, next: defaultSchedule({ org, pipeline, configId, zone }, now) }];
  });
  const pipelineIds = new Set(usable.map(({ config }) => config.id));
  const again = others.filter((stored) => pipelineIds.has(stored.body.pipelineId) && isHalted(stored));
  return () => {
    for (const { stored, next } of fresh) writeSchedule(next, stored, change);
    for (const stored of again)
      writeSchedule(settledSchedule({ ...stored.body, pausedReason: null }, undefined, now), stored, change);
    return fresh.length + again.length;
  };
}

/** Pipelines that the organization could run now: one usable credential at least, or plans where they are what is needed. */
export async function usablePipelines(org: OrgIdentity, hasPlans: boolean, change: Change): Promise<Pipeline[]> {
  const { body: index, readAt } = await change.get<IntegrationsIndex>(indexPath(org));
  const connected = Object.entries(index?.providers ?? {});
  const paths = connected.flatMap(([, { credentials }]) =>
    Object.keys(credentials).map((id) => credentialPath(org, id)),
  );
  const stored = await change.getAll<CredentialDocument>(paths);
  const providers = new Set(
    stored.flatMap(({ body }) => (body !== undefined && isUsable(body, readAt) ? [body.provider] : [])),
  );
  return scheduled((await pipelines()).pipelines).filter(({ config }) =>
    isOwnProvider(config.provider) ? hasPlans && config.requires.saas_plans === true : providers.has(config.provider),
  );
}

function isUsable(credential: CredentialDocument, now: Date): boolean {
  const status = effectiveStatus(credential, now);
  return status === "VALID" || status === "PARTIAL_VALID";
}

/** Of the organizations' own pipelines those that run by the clock. */
function scheduled(all: readonly Pipeline[]): Pipeline[] {
  return all.filter(({ config }) => config.enabled && config.scope === "org" && config.schedule !== null);
}

/** Should run, and cannot: paused, or without a date. */
function isHalted({ body }: StoredSchedule): boolean {
  return body.isActive && (body.pausedReason !== null || !(Date.parse(body.dueAt) > 0));
}

function defaultSchedule(
  { org, pipeline, configId, zone }: { org: OrgIdentity; pipeline: Pipeline; configId: string; zone: string },
  now: Date,
): ScheduleDocument {
  const { schedule } = pipeline.config;
  const own = schedule?.timezone ?? "org";
  const cron = checkedCron(schedule?.cron ?? "");
  const order = {
    ...{ org, pipeline, configId, cron },
    timezone: own === "org" ? zone : own,
    isOrgZone: own === "org",
    shortestGapMinutes: shortestGapMinutes(cron, now, 0),
    source: "default" as const,
  };
  return settledSchedule(newSchedule(order), undefined, now);
}
