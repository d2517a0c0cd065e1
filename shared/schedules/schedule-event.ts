import type { Change } from "#shared/runtime/change.ts";
import { orgOf, type ScheduleDocument } from "./schedule.ts";

/** Payload of topic `events`: a schedule did not run, and why. */
export interface ScheduleEvent {
  v: 1;
  kind: "schedule.skipped" | "schedule.paused";
  org: string;
  config_id: string;
  pipeline_id: string;
  reason: string;
  /** The period it was due for, RFC 3339 UTC; null where none was. */
  period: string | null;
}

/** Tells whoever informs people, in the transaction of what it tells. */
export function publishScheduleEvent(
  schedule: ScheduleDocument,
  { kind, reason, period }: Pick<ScheduleEvent, "kind" | "reason" | "period">,
  change: Change,
): void {
  const { org, configId: config_id, pipelineId: pipeline_id } = schedule;
  const payload: ScheduleEvent = { v: 1, kind, org, config_id, pipeline_id, reason, period };
  change.publish({ topic: "events", payload, attributes: { org, kind } }, orgOf(schedule));
}
