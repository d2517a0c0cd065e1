import { type Static, Type } from "@sinclair/typebox";
import { strictObject } from "#shared/runtime/schema.ts";
import type { RunDocument } from "./run.ts";

/** Message to `pipeline-<provider>`: a wake-up of which only the ids are believed. */
export const RunMessage = strictObject({
  v: Type.Literal(1),
  kind: Type.Union([Type.Literal("run.start"), Type.Literal("run.wake")]),
  org: Type.String({ pattern: "^[a-z0-9_]{3,50}$" }),
  run_id: Type.String({ pattern: "^run_[0-9A-HJKMNP-TV-Z]{26}$" }),
  pipeline_id: Type.String({ maxLength: 60 }),
});
export type RunMessage = Static<typeof RunMessage>;

/** The wake-up of a run for its provider's processor. */
export function runMessage(run: RunDocument, kind: RunMessage["kind"], traceparent?: string) {
  const payload: RunMessage = { v: 1, kind, org: run.org.key, run_id: run.runId, pipeline_id: run.pipelineId };
  const attributes = {
    org: run.org.key,
    run: run.runId,
    pipeline: run.pipelineId,
    kind,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  return { topic: `pipeline-${run.provider}`, payload, attributes };
}
