import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { ParameterValue } from "#shared/pipelines/run.ts";
import type { Snapshot } from "#shared/platform/documents/documents.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import type { Firing, FiringRule } from "./next-firing.ts";

/** Why the last period was passed over. */
export const skipStatuses = ["SKIPPED_QUOTA", "SKIPPED_SUBSCRIPTION", "SKIPPED_INTERVAL"] as const;
export type SkipStatus = (typeof skipStatuses)[number];

/** Document `schedules/{key}:{configId}`: which pipeline runs when. Instants are RFC 3339 in UTC. */
export interface ScheduleDocument extends FiringRule, Firing {
  /** Key of the organization. */
  org: string;
  orgSlug: string;
  orgId: string;
  pipelineId: string;
  provider: string;
  domain: string;
  /** Last word of the pipeline's address. */
  pipeline: string;
  /** Null: every usable one. */
  credentialId: string | null;
  /** The zone follows the organization's. */
  isOrgZone: boolean;
  /** What people chose. */
  isActive: boolean;
  /** Why it does not run although it is active, e.g. the code of an unusable integration. */
  pausedReason: string | null;
  /** Active and not paused: what the ticks look for. */
  active: boolean;
  priority: number;
  parameters: Record<string, ParameterValue>;
  source: "default" | "custom";
  /** Between two firings, on the clocks of the zone. */
  shortestGapMinutes: number;
  /** The newest nominal instant that was run or passed over; it never moves back. */
  lastPeriod: string | null;
  /** The newest one that was run. */
  lastRunPeriod: string | null;
  lastRunTime: string | null;
  /** One per credential. */
  lastRunIds: string[];
  lastSkip: SkipStatus | null;
  /** Periods that went by without a tick, ever. */
  missedPeriods: number;
  shard: number;
}

const instant = Type.String({ format: "date-time" });

export const ScheduleAnswer = strictObject({
  config_id: Type.String(),
  org_slug: Type.String(),
  pipeline_id: Type.String(),
  provider: Type.String(),
  domain: Type.String(),
  pipeline_template: Type.String(),
  credential_id: nullable(Type.String({ description: "Null: every usable one" })),
  schedule_cron: Type.String(),
  timezone: Type.String(),
  is_active: Type.Boolean(),
  paused_reason: nullable(Type.String()),
  priority: Type.Integer(),
  parameters: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
  source: choice(["default", "custom"]),
  next_run_time: nullable(instant),
  nominal_time: nullable(instant),
  last_period: nullable(instant),
  last_run_time: nullable(instant),
  last_run_id: nullable(Type.String()),
  last_run_status: nullable(Type.String()),
  missed_periods: Type.Integer(),
  shard: Type.Integer(),
  version: Type.Integer(),
  created_at: instant,
  updated_at: instant,
});
export type ScheduleAnswer = Static<typeof ScheduleAnswer>;

/** What is stored beside a schedule's body. */
export type StoredFacts = Pick<Snapshot<ScheduleDocument>, "version" | "createdAt" | "updatedAt">;

/** A schedule as it is answered; `lastRunStatus` is the run's own. */
export function scheduleAnswer(
  schedule: ScheduleDocument,
  stored: StoredFacts,
  lastRunStatus: string | null,
): ScheduleAnswer {
  return {
    config_id: schedule.configId,
    org_slug: schedule.orgSlug,
    pipeline_id: schedule.pipelineId,
    provider: schedule.provider,
    domain: schedule.domain,
    pipeline_template: schedule.pipeline,
    credential_id: schedule.credentialId,
    schedule_cron: schedule.cron,
    timezone: schedule.timezone,
    is_active: schedule.isActive,
    paused_reason: schedule.pausedReason,
    priority: schedule.priority,
    parameters: schedule.parameters,
    source: schedule.source,
    next_run_time: schedule.active ? schedule.dueAt : null,
    nominal_time: schedule.active ? schedule.nominalTime : null,
    last_period: schedule.lastPeriod,
    last_run_time: schedule.lastRunTime,
    last_run_id: schedule.lastRunIds[0] ?? null,
    last_run_status: schedule.lastSkip ?? lastRunStatus,
    missed_periods: schedule.missedPeriods,
    shard: schedule.shard,
    version: stored.version,
    created_at: stored.createdAt ?? schedule.nominalTime,
    updated_at: stored.updatedAt ?? schedule.nominalTime,
  };
}

export function orgOf({ org: key, orgSlug: slug, orgId }: ScheduleDocument): OrgIdentity {
  return { key, slug, orgId };
}
