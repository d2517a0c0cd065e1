import { type Static, Type } from "@sinclair/typebox";
import type { Caller } from "#shared/access/caller.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import type { Change } from "#shared/runtime/change.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import type { RunOrder } from "./new-run.ts";
import { addDays, type DayRange } from "./range.ts";
import { type PipelineRegistry, pipelines } from "./registry.ts";
import type { RunDocument } from "./run.ts";
import { activeRunKey, runPath } from "./run-paths.ts";

/** Message to `run-dependents`: a run has published, and pipelines wait for it. */
export const DependentsMessage = strictObject({
  v: Type.Literal(1),
  org: Type.String({ pattern: "^[a-z0-9_]{3,50}$" }),
  run_id: Type.String({ pattern: "^run_[0-9A-HJKMNP-TV-Z]{26}$" }),
});
export type DependentsMessage = Static<typeof DependentsMessage>;

/** Tells of a run that has published days, where pipelines run after its own. */
export async function publishDependents(run: RunDocument, change: Change): Promise<void> {
  if (changedDays(run).length === 0 || (await pipelines()).dependentsOf(run.pipelineId).length === 0) return;
  const payload: DependentsMessage = { v: 1, org: run.org.key, run_id: run.runId };
  change.publish({ topic: "run-dependents", payload, attributes: { org: run.org.key, run: run.runId } }, run.org);
}

/** A run of a dependent pipeline that is to be made. */
export interface DependentOrder extends RunOrder {
  credentialId: string;
  activeKey: string;
}

/** The runs that follow a run: of each dependent pipeline, for exactly the days that were published, whole stretches of days each. */
export async function dependentOrders(
  message: DependentsMessage,
  registry: Pick<PipelineRegistry, "dependentsOf">,
  ports: ReservePorts,
): Promise<DependentOrder[]> {
  const { body: run } = await ports.documents.get<RunDocument>(runPath(message.org, message.run_id));
  if (run === undefined) return [];
  const caller: Caller = { kind: "platform", credentialId: run.runId };
  return registry.dependentsOf(run.pipelineId).flatMap((pipeline) =>
    stretchesOf(changedDays(run)).map((range) => ({
      org: run.org,
      caller,
      pipeline,
      range,
      credentialId: run.credentialId,
      activeKey: activeRunKey(pipeline.config.id, run.credentialId, range),
      triggerType: "dependent" as const,
      triggerBy: run.runId,
      forceRefresh: false,
      parameters: {},
      claimedUser: undefined,
      traceparent: undefined,
    })),
  );
}

function changedDays({ result, dryRun }: RunDocument): string[] {
  if (result === null || dryRun) return [];
  return [...new Set([...result.publishedDays, ...result.restatedDays])].sort();
}

/** Days in order as the fewest ranges that hold no other day. */
export function stretchesOf(days: readonly string[]): DayRange[] {
  const stretches: DayRange[] = [];
  for (const day of days) {
    const last = stretches.at(-1);
    if (last !== undefined && addDays(last.end, 1) === day) last.end = day;
    else stretches.push({ start: day, end: day });
  }
  return stretches;
}
