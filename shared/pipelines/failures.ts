import { configFile } from "#shared/platform/config-files.ts";
import { type AppError, isAppError } from "#shared/runtime/errors.ts";
import type { RunError } from "./run.ts";

type Kind = Pick<RunError, "type" | "fault">;

/** What kind of failure a code is and whose it is (`pipelines.md` 10); texts stand in `configs/pipelines/suggested-actions.yml`. */
const kinds: Readonly<Record<string, Kind>> = {
  PROVIDER_UNAUTHORIZED: { type: "PERMANENT", fault: "customer" },
  PROVIDER_FORBIDDEN: { type: "PERMANENT", fault: "customer" },
  PROVIDER_QUOTA: { type: "PERMANENT", fault: "customer" },
  PROVIDER_NOT_FOUND: { type: "PERMANENT", fault: "customer" },
  PROVIDER_RATE_LIMITED: { type: "TRANSIENT", fault: "provider" },
  PROVIDER_UNAVAILABLE: { type: "TRANSIENT", fault: "provider" },
  PROVIDER_TIMEOUT: { type: "TIMEOUT", fault: "provider" },
  PROVIDER_BAD_RESPONSE: { type: "TRANSIENT", fault: "provider" },
  PROVIDER_SCHEMA_DRIFT: { type: "VALIDATION_ERROR", fault: "platform" },
  PROVIDER_PAGE_LOOP: { type: "PERMANENT", fault: "provider" },
  RESPONSE_TOO_LARGE: { type: "PERMANENT", fault: "customer" },
  CREDENTIAL_UNREADABLE: { type: "PERMANENT", fault: "platform" },
  CREDENTIAL_GONE: { type: "PERMANENT", fault: "customer" },
  SUBSCRIPTION_INACTIVE: { type: "PERMANENT", fault: "customer" },
  SIMULATED_CREDENTIAL: { type: "PERMANENT", fault: "customer" },
  STEP_TIMEOUT: { type: "TIMEOUT", fault: "platform" },
  RUN_TIMEOUT: { type: "TIMEOUT", fault: "platform" },
  RUN_TOO_LONG: { type: "TIMEOUT", fault: "platform" },
  DATE_OUT_OF_RANGE: { type: "VALIDATION_ERROR", fault: "data" },
  DATA_QUARANTINED: { type: "VALIDATION_ERROR", fault: "data" },
  DEPENDENCY_FAILED: { type: "DEPENDENCY_FAILURE", fault: "platform" },
  CURRENCY_UNKNOWN: { type: "VALIDATION_ERROR", fault: "data" },
  AMOUNT_OUT_OF_RANGE: { type: "VALIDATION_ERROR", fault: "data" },
  IMPORT_REJECTED: { type: "VALIDATION_ERROR", fault: "customer" },
  AMOUNT_INVALID: { type: "VALIDATION_ERROR", fault: "data" },
  ROW_INVALID: { type: "VALIDATION_ERROR", fault: "data" },
  BATCH_REFUSED: { type: "DEPENDENCY_FAILURE", fault: "platform" },
  WAREHOUSE_LOAD_REJECTED: { type: "DEPENDENCY_FAILURE", fault: "platform" },
  PROCESSOR_UNKNOWN: { type: "UNKNOWN", fault: "platform" },
  CRASH_LOOP: { type: "UNKNOWN", fault: "platform" },
  NO_CLAIM: { type: "UNKNOWN", fault: "platform" },
  DEAD_LETTERED: { type: "UNKNOWN", fault: "platform" },
};

/** Codes after which the same step may be tried again. */
const retried = new Set([
  "PROVIDER_RATE_LIMITED",
  "PROVIDER_UNAVAILABLE",
  "PROVIDER_TIMEOUT",
  "PROVIDER_BAD_RESPONSE",
  "STEP_TIMEOUT",
]);

/** True for what ends or repeats a step; everything else is our own machinery, which nacks the message. */
export function isRunFailure(error: unknown): error is AppError {
  return isAppError(error) && error.code in kinds;
}

export function isStepRetried(error: AppError): boolean {
  return retried.has(error.code);
}

let actions: Promise<Record<string, string>> | undefined;

function suggestedActions(): Promise<Record<string, string>> {
  actions ??= configFile("pipelines/suggested-actions.yml").then(
    (content) => (content as { actions: Record<string, string> }).actions,
  );
  return actions;
}

/** The failure as a run shows it. */
export async function runErrorOf(
  error: AppError,
  context: { stepId: string | null; retryCount: number },
): Promise<RunError> {
  const kind = kinds[error.code] ?? { type: "UNKNOWN", fault: "platform" };
  const status = error.extra["provider_status"];
  return {
    ...kind,
    code: error.code,
    isRetryable: isStepRetried(error),
    retryCount: context.retryCount,
    retryAfterSeconds: error.retryAfterSeconds ?? null,
    providerStatus: typeof status === "number" ? status : null,
    stepId: context.stepId,
    message: error.message.slice(0, 500),
    suggestedAction: (await suggestedActions())[error.code] ?? "Look at the error and run again.",
  };
}
