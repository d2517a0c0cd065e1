import { AppError } from "#shared/runtime/errors.ts";
import { refused, unavailable } from "./warehouse-errors.ts";

const PASSING_REASONS = new Set([
  "backendError",
  "internalError",
  "jobBackendError",
  "jobInternalError",
  "rateLimitExceeded",
  "jobRateLimitExceeded",
]);
const PASSING_STATUS = new Set([408, 429]);

/** True when the same work under a new job id may succeed. Source: google-limits.md section 5, jobId. */
export function isPassing(reason: string | undefined): boolean {
  return PASSING_REASONS.has(reason ?? "");
}

/** The HTTP status of a failed call; undefined when no answer came. */
export function statusOf(error: unknown): number | undefined {
  const code = memberOf(error, "code") ?? memberOf(error, "status");
  const status = typeof code === "string" && /^\d{3}$/.test(code) ? Number(code) : code;
  return typeof status === "number" ? status : undefined;
}

/** True when it is unknown whether the call had its effect: no answer, or a server's failure. */
export function isAmbiguous(error: unknown): boolean {
  const status = statusOf(error);
  return status === undefined ? isNetwork(error) : status >= 500;
}

/**
 * What went wrong in a call, in the port's terms: server, network, rate and quota failures are
 * `WAREHOUSE_UNAVAILABLE`, every other refusal of the service `BATCH_REFUSED`; anything else is a bug and stays itself.
 */
export function portError(action: string, error: unknown): unknown {
  if (error instanceof AppError) return error;
  const status = statusOf(error);
  const reason = reasonOf(error);
  const passes = status !== undefined && (status >= 500 || PASSING_STATUS.has(status));
  if (passes || isNetwork(error) || isPassing(reason) || reason === "quotaExceeded") {
    return unavailable(`BigQuery did not ${action}${reason ? ` (${reason})` : ""}`, error);
  }
  if (status === undefined) return error;
  return refused(`BigQuery refused to ${action}: ${messageOf(error)}`, { cause: error });
}

/** Runs the call and rethrows its failure in the port's terms. */
export async function inPortTerms<T>(action: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw portError(action, error);
  }
}

/** Undefined where the service answers 404. */
export async function orMissing<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

function isNetwork(error: unknown): boolean {
  const code = memberOf(error, "code");
  return (
    (typeof code === "string" && /^(E[A-Z]+|ERR_STREAM_PREMATURE_CLOSE|UND_ERR_\w+)$/.test(code)) || isFetchError(error)
  );
}

function isFetchError(error: unknown): boolean {
  return error instanceof Error && (error.name === "FetchError" || error.name === "AbortError");
}

function reasonOf(error: unknown): string | undefined {
  const errors = memberOf(error, "errors");
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  const reason = memberOf(first, "reason");
  return typeof reason === "string" ? reason : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
