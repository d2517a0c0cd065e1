import { type Static, Type } from "@sinclair/typebox";
import { strictObject } from "#shared/runtime/schema.ts";
import type { RunDocument } from "./run.ts";

/** Message to `pipeline-<provider>`: a wake-up of which only the ids are believed. */
export const RunMessage = strictObject({
  v: Type.Literal(1),
  kind: Type.Union([
    Type.Literal("run.start"),
    Type.Literal("run.continue"),
    Type.Literal("run.wake"),
    Type.Literal("run.replay"),
  ]),
  org: Type.String({ pattern: "^[a-z0-9_]{3,50}$" }),
  run_id: Type.String({ pattern: "^run_[0-9A-HJKMNP-TV-Z]{26}$" }),
  pipeline_id: Type.String({ maxLength: 60 }),
  /** Continuations of the run when it was sent. */
  seq: Type.Optional(Type.Integer({ minimum: 0 })),
});
export type RunMessage = Static<typeof RunMessage>;

/** Asks the processor itself for a run from a day to today: what the pipeline reads of the organization has changed. */
export const RunRequestMessage = strictObject({
  v: Type.Literal(1),
  kind: Type.Literal("run.request"),
  org: Type.String({ pattern: "^[a-z0-9_]{3,50}$" }),
  pipeline_id: Type.String({ maxLength: 60 }),
  /** UTC day. */
  from: Type.String({ format: "date" }),
  reason: Type.String({ maxLength: 200 }),
});
export type RunRequestMessage = Static<typeof RunRequestMessage>;

/** The wake-up of a run for its provider's processor. */
export function runMessage(run: RunDocument, kind: RunMessage["kind"], traceparent?: string) {
  const { runId: run_id, pipelineId: pipeline_id, continuations: seq } = run;
  const payload: RunMessage = { v: 1, kind, org: run.org.key, run_id, pipeline_id, seq };
  const attributes = {
    org: run.org.key,
    run: run.runId,
    pipeline: run.pipelineId,
    kind,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  return { topic: `pipeline-${run.provider}`, payload, attributes };
}
