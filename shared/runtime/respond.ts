import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { type Configuration, corsOrigins } from "./config.ts";
import { type Answer, type AnyHttpDeclaration, Reply } from "./declaration.ts";
import { AppError } from "./errors.ts";
import { httpStatusOf } from "./http-status.ts";
import type { Log } from "./log.ts";

/** Everything that is known about an answer before it is written. */
export interface Outcome {
  status: number;
  headers: Record<string, string>;
  body: unknown;
  contentType?: string | undefined;
}

/** The answer of a handler with the status and headers it is sent with. */
export function outcomeOf(
  declaration: Pick<AnyHttpDeclaration, "statuses" | "contentType">,
  answer: Answer<unknown>,
): Outcome {
  const status = declaration.statuses?.[0] ?? 200;
  const reply = answer instanceof Reply ? answer : new Reply(status, answer);
  return {
    status: reply.status,
    headers: { ...reply.headers },
    body: reply.body,
    contentType: declaration.contentType,
  };
}

const uninformative = "Something went wrong on our side; the error id helps us find it.";

/** The one error shape (`api.md`). An unexpected error is logged whole under the id that the answer carries. */
export function errorOutcome(error: unknown, requestId: string, log: Log): Outcome {
  const errorId = `err_${randomUUID()}`;
  const expected = error instanceof AppError ? error : undefined;
  const status = expected === undefined ? undefined : httpStatusOf(expected.code);
  if (expected === undefined || status === undefined) {
    log.error({ error_id: errorId, request_id: requestId, err: describe(error) }, "unexpected error");
    return outcome(500, {
      error: "INTERNAL",
      message: uninformative,
      error_id: errorId,
      request_id: requestId,
      detail: uninformative,
    });
  }
  if (status >= 500) log.warn({ error_id: errorId, request_id: requestId, err: describe(error) }, "dependency failed");
  const { code, message, fields, extra, retryAfterSeconds } = expected;
  const body = {
    error: code,
    message,
    error_id: errorId,
    request_id: requestId,
    detail: message,
    ...(fields.length > 0 ? { fields } : {}),
    ...extra,
  };
  const retryAfter = retryAfterSeconds ?? (status === 503 || status === 429 ? 1 : undefined);
  return outcome(status, body, retryAfter === undefined ? {} : { "retry-after": String(retryAfter) });
}

function outcome(status: number, body: unknown, headers: Record<string, string> = {}): Outcome {
  return { status, headers, body };
}

function describe(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: describe(error.cause) }),
  };
}

/** Writes the answer with the headers that every answer carries. */
export function respond(
  response: ServerResponse,
  outcome: Outcome,
  context: { requestId: string; origin: string | undefined; config: Configuration; isHead: boolean },
): void {
  const { body, contentType } = outcome;
  const text = body === undefined ? "" : contentType === undefined ? JSON.stringify(body) : String(body);
  const hasBody = outcome.status !== 204;
  response.statusCode = outcome.status;
  const headers: Record<string, string> = {
    ...(hasBody ? { "content-type": contentType ?? "application/json; charset=utf-8" } : {}),
    "x-request-id": context.requestId,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'",
    "cache-control": "no-store",
    ...(context.config.ENVIRONMENT === "production"
      ? { "strict-transport-security": "max-age=63072000; includeSubDomains" }
      : {}),
    ...corsHeaders(context.origin, context.config),
    ...outcome.headers,
    ...(hasBody ? { "content-length": String(Buffer.byteLength(text)) } : {}),
  };
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end(context.isHead || !hasBody ? undefined : text);
}

function corsHeaders(origin: string | undefined, config: Configuration): Record<string, string> {
  if (origin === undefined || !corsOrigins(config).includes(origin)) return {};
  return { "access-control-allow-origin": origin, "access-control-allow-credentials": "true", vary: "Origin" };
}
