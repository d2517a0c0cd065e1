import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Pipeline } from "#shared/pipelines/pipeline.ts";
import type { ParameterValue } from "#shared/pipelines/run.ts";
import type { ScheduleDocument } from "./schedule.ts";

/** How the shards of the tick divide organizations. */
export const scheduleShards = 16;

const defaultJitterSeconds = 600;
const defaultPriority = 5;

export interface ScheduleOrder {
  org: OrgIdentity;
  pipeline: Pipeline;
  configId: string;
  cron: string;
  timezone: string;
  isOrgZone: boolean;
  shortestGapMinutes: number;
  source: ScheduleDocument["source"];
  isActive?: boolean;
  pausedReason?: string | null;
  credentialId?: string | null;
  priority?: number | undefined;
  parameters?: Record<string, ParameterValue>;
}

/** A schedule that has not run yet, without its first firing: `settledSchedule` gives it that. */
export function newSchedule(order: ScheduleOrder): ScheduleDocument {
  const { org, pipeline } = order;
  const { id: pipelineId, provider, domain, schedule } = pipeline.config;
  const { configId, cron, timezone, isOrgZone, source, shortestGapMinutes } = order;
  return {
    ...{ configId, cron, timezone, isOrgZone, source, shortestGapMinutes, pipelineId, provider, domain },
    org: org.key,
    orgSlug: org.slug,
    orgId: org.orgId,
    pipeline: pipeline.word,
    credentialId: order.credentialId ?? null,
    isActive: order.isActive ?? true,
    pausedReason: order.pausedReason ?? null,
    active: false,
    priority: order.priority ?? schedule?.priority ?? defaultPriority,
    jitterSeconds: schedule?.jitter_seconds ?? defaultJitterSeconds,
    parameters: order.parameters ?? {},
    nominalTime: new Date(0).toISOString(),
    dueAt: new Date(0).toISOString(),
    lastPeriod: null,
    lastRunPeriod: null,
    lastRunTime: null,
    lastRunIds: [],
    lastSkip: null,
    missedPeriods: 0,
    shard: crc32(org.key) % scheduleShards,
  };
}

/**
 * The id of the schedule a pipeline has by itself: the same whoever makes it, so that nobody makes it twice. Another one
 * after the organization has ended and come back: the history of the former is closed.
 */
export function defaultConfigId(org: OrgIdentity, onboardedAt: string | null, pipelineId: string): string {
  const hash = createHash("sha256")
    .update(`${org.orgId}|${onboardedAt ?? ""}|${pipelineId}`)
    .digest("hex");
  return `cfg_${hash.slice(0, 26)}`;
}
