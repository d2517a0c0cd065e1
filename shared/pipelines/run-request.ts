import { isDeepStrictEqual } from "node:util";
import { type Static, Type } from "@sinclair/typebox";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, isStorable, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
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

/** The same fields, as older clients send them; the parameters as JSON. */
export const RunQuery = strictObject({
  ...requestFields,
  parameters: Type.Optional(plainText(2, 4000, { description: "A JSON object" })),
});
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

/**
 * One request from query and body. Throws `CONFLICTING_DATES` where a field has two values, `INVALID_PARAMETER` for
 * parameters in the query that are no JSON object.
 */
export function combined(query: RunQuery, body: RunRequest): RunRequest {
  const { parameters, ...others } = query;
  const asked: RunRequest = parameters === undefined ? others : { ...others, parameters: parametersOf(parameters) };
  const contradictions = Object.entries(asked).filter(([name, value]) => {
    const other = body[name as keyof RunRequest];
    return other !== undefined && !isDeepStrictEqual(other, value);
  });
  if (contradictions.length > 0) {
    throw new AppError("CONFLICTING_DATES", "Query and body name different values.", {
      fields: contradictions.map(([name]) => ({ path: `/${name}`, problem: "differs between query and body" })),
    });
  }
  return { ...asked, ...body };
}

function parametersOf(text: string): Record<string, unknown> {
  const parsed = parsedJson(text);
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) && isStorable(parsed))
    return parsed as Record<string, unknown>;
  throw new AppError("INVALID_PARAMETER", "parameters must be a JSON object.", {
    fields: [{ path: "/parameters", problem: "must be a JSON object" }],
  });
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
