import type { OrgIdentity } from "#shared/access/caller.ts";
import { isPlatformScope } from "#shared/access/platform-scope.ts";
import {
  type CredentialDocument,
  credentialPath,
  effectiveStatus,
  type IntegrationsIndex,
  indexPath,
} from "#shared/integrations/credential.ts";
import type { RemovedCredentials } from "#shared/integrations/remove.ts";
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

/** The same for an organization that has plans now: the pipeline that charges them runs by itself. */
export async function schedulesWhenPlanned(org: OrgIdentity, change: Change): Promise<() => void> {
  const repair = await schedulesRepaired(org, scheduled((await pipelines()).pipelines).filter(isOfPlans), change);
  return () => {
    repair();
  };
}

/**
 * Reads what hangs on credentials that go, inside the transaction that removes them; the answer pauses the schedules that
 * nothing can run for any more: those of the provider where none of its credentials is left, else those of the removed ones.
 */
export async function schedulesWhenRemoved(
  org: OrgIdentity,
  { provider, credentialIds, isLast }: RemovedCredentials,
  change: Change,
): Promise<() => void> {
  const hit = (await schedulesOf(org, change)).filter(({ body }) => {
    const isOfRemoved = body.credentialId !== null && credentialIds.includes(body.credentialId);
    return body.active && body.provider === provider && (isLast || isOfRemoved);
  });
  const pausedReason = isLast ? "INTEGRATION_NOT_CONFIGURED" : "CREDENTIAL_NOT_FOUND";
  return () => {
    for (const stored of hit) writeSchedule({ ...stored.body, pausedReason, active: false }, stored, change);
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
  const { zone, onboardedAt } = isPlatformScope(org) ? platformFacts : factsOf(existingOrg(body));
  const ids = new Map(usable.map((pipeline) => [defaultConfigId(org, onboardedAt, pipeline.config.id), pipeline]));
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
export async function usablePipelines(
  org: OrgIdentity,
  hasPlans: boolean,
  store: Pick<Change, "get" | "getAll">,
): Promise<Pipeline[]> {
  const { body: index, readAt } = await store.get<IntegrationsIndex>(indexPath(org));
  const connected = Object.entries(index?.providers ?? {});
  const paths = connected.flatMap(([, { credentials }]) =>
    Object.keys(credentials).map((id) => credentialPath(org, id)),
  );
  const stored = await store.getAll<CredentialDocument>(paths);
  const providers = new Set(
    stored.flatMap(({ body }) => (body !== undefined && isUsable(body, readAt) ? [body.provider] : [])),
  );
  return scheduled((await pipelines()).pipelines).filter(({ config }) =>
    isOwnProvider(config.provider) ? hasPlans && isOfPlans({ config }) : providers.has(config.provider),
  );
}

function isOfPlans({ config }: Pick<Pipeline, "config">): boolean {
  return isOwnProvider(config.provider) && config.requires.saas_plans === true;
}

function isUsable(credential: CredentialDocument, now: Date): boolean {
  const status = effectiveStatus(credential, now);
  return status === "VALID" || status === "PARTIAL_VALID";
}

/** Of the organizations' own pipelines those that run by the clock. */
function scheduled(all: readonly Pipeline[]): Pipeline[] {
  return all.filter((pipeline) => pipeline.config.scope === "org" && isScheduled(pipeline));
}

/** Runs by the clock. */
export function isScheduled({ config }: Pipeline): boolean {
  return config.enabled && config.schedule !== null;
}

function factsOf({ locale, onboardedAt }: OrgDocument) {
  return { zone: locale.defaultTimezone, onboardedAt };
}

const platformFacts = { zone: "UTC", onboardedAt: null };

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
