import { type Static, Type } from "@sinclair/typebox";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { runStatuses } from "./run.ts";

const optionalText = Type.Optional(plainText(1, 100));

const requestFields = {
  date: Type.Optional(Type.String({ maxLength: 20 })),
  start_date: Type.Optional(Type.String({ maxLength: 20 })),
  end_date: Type.Optional(Type.String({ maxLength: 20 })),
  credential_id: optionalText,
  trigger_by: optionalText,
  force_refresh: Type.Optional(Type.Boolean()),
  dry_run: Type.Optional(Type.Boolean()),
  queue: Type.Optional(Type.Boolean({ description: "Wait for a slot instead of being refused for want of one" })),
  priority: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
};

/** The same fields, as older clients send them. */
export const RunQuery = strictObject(requestFields);
export type RunQuery = Static<typeof RunQuery>;

export const RunRequest = strictObject({
  ...requestFields,
  parameters: Type.Optional(Type.Record(Type.String({ maxLength: 50 }), Type.Unknown(), { maxProperties: 10 })),
});
export type RunRequest = Static<typeof RunRequest>;

const queueState = choice(["published", "waiting_slot"]);

export const RunAnswer = strictObject({
  run_id: Type.String(),
  pipeline_logging_id: Type.String({ description: "The same value, for older clients" }),
  pipeline_id: Type.String(),
  org_slug: Type.String(),
  status: choice(runStatuses),
  message: Type.String(),
  duplicate: Type.Boolean(),
  range: strictObject({ start_date: Type.String(), end_date: Type.String(), days: Type.Integer() }),
  queue_state: queueState,
  backfill_id: nullable(Type.String()),
  runs: Type.Array(
    strictObject({
      run_id: Type.String(),
      credential_id: Type.String(),
      status: choice(runStatuses),
      queue_state: queueState,
      duplicate: Type.Boolean(),
    }),
  ),
  request_id: Type.String(),
});
export type RunAnswer = Static<typeof RunAnswer>;
export type StartedRun = RunAnswer["runs"][number];

/** One request from query and body; the same field with two values is refused. */
export function combined(query: RunQuery, body: RunRequest): RunRequest {
  const contradictions = Object.entries(query).filter(([name, value]) => {
    const other = body[name as keyof RunRequest];
    return other !== undefined && other !== value;
  });
  if (contradictions.length > 0) {
    throw new AppError("CONFLICTING_DATES", "Query and body name different values.", {
      fields: contradictions.map(([name]) => ({ path: `/${name}`, problem: "differs between query and body" })),
    });
  }
  return { ...query, ...body };
}
