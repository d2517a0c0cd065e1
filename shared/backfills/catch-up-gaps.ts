import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Pipeline } from "#shared/pipelines/pipeline.ts";
import type { DayRange } from "#shared/pipelines/range.ts";
import type { ParameterValue } from "#shared/pipelines/run.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { createBackfill } from "./new-backfill.ts";

/** Days that a scheduled run does not reach any more, by credential. */
export interface CatchUp {
  org: OrgIdentity;
  pipeline: Pipeline;
  gaps: readonly { credentialId: string; range: DayRange }[];
  parameters: Record<string, ParameterValue>;
}

const nothing = { prepare: async () => {}, conclude: () => {} };
/** Another one fills the gap, or the day has no run left for it: the next period asks again. */
const patient = ["BACKFILL_OVERLAPS", "QUOTA_EXCEEDED", "SUBSCRIPTION_INACTIVE"];

/** Starts a backfill for each gap (`catch_up`), once: while one is under way the next period makes no second one. */
export async function catchUpGaps({ org, pipeline, gaps, parameters }: CatchUp, ports: ReservePorts): Promise<void> {
  for (const { credentialId, range } of gaps) {
    const order = { org, pipeline, credentialId, range, parameters, forceRefresh: false, requestId: "catch_up" };
    const caller = { kind: "platform" as const, credentialId: "scheduler" };
    try {
      await createBackfill({ ...order, caller, triggerType: "catch_up" }, nothing, ports);
    } catch (error) {
      if (!isAppError(error) || !patient.includes(error.code)) throw error;
    }
  }
}
