import { AppError } from "#shared/runtime/errors.ts";

/** One call that brought no usable answer. `repeat`: asking again at once may help. */
export interface CallFailure {
  error: AppError;
  repeat: boolean;
}

export interface FailureFacts {
  /** Display name of the provider. */
  provider: string;
  status: number | null;
  /** Scrubbed words of the provider, or empty. */
  words: string;
  retryAfterSeconds: number | undefined;
}

const repeated = new Set([408, 425, 429, 500, 502, 503, 504, 529]);

/** What a status other than 2xx means. Source: `providers.md` 2.2, `pipelines.md` 10. */
export function statusFailure(facts: FailureFacts & { status: number; errorCode: string }): CallFailure {
  const { status } = facts;
  if (status === 402 || (status === 429 && facts.errorCode.includes("insufficient_quota"))) {
    return failure("PROVIDER_QUOTA", "has no quota left for this account", facts, { retryable: false });
  }
  if (status === 401) return failure("PROVIDER_UNAUTHORIZED", "refused the credential", facts, { retryable: false });
  if (status === 403) return failure("PROVIDER_FORBIDDEN", "denied access", facts, { retryable: false });
  if (status === 404) return failure("PROVIDER_NOT_FOUND", "does not know this resource", facts, { retryable: false });
  if (status === 429)
    return failure("PROVIDER_RATE_LIMITED", "limits the rate of calls", facts, { retryable: true, repeat: true });
  if (status >= 300 && status < 400)
    return failure("PROVIDER_BAD_RESPONSE", "answered with a redirect", facts, { retryable: true });
  if (status >= 500 || repeated.has(status)) {
    return failure("PROVIDER_UNAVAILABLE", "is not available", facts, {
      retryable: true,
      repeat: repeated.has(status),
    });
  }
  // Any other refusal means that the interface is no longer the one we were written for.
  return failure("PROVIDER_SCHEMA_DRIFT", "no longer accepts this request", facts, { retryable: false });
}

/** A 2xx answer that is no answer: cut, not JSON, HTML, or an error in its body. */
export function badResponse(what: string, facts: FailureFacts, repeat: boolean): CallFailure {
  return failure("PROVIDER_BAD_RESPONSE", what, facts, { retryable: true, repeat });
}

export function tooLarge(facts: FailureFacts): CallFailure {
  return failure("RESPONSE_TOO_LARGE", "answered with more than may be read at once", facts, { retryable: false });
}

export function timedOut(facts: FailureFacts): CallFailure {
  return failure("PROVIDER_TIMEOUT", "did not answer in time", facts, { retryable: true });
}

/** DNS, refused, reset, TLS, or an address we do not call. */
export function unreachable(facts: FailureFacts, cause: unknown): CallFailure {
  return failure("PROVIDER_UNAVAILABLE", "could not be reached", facts, { retryable: true, repeat: true, cause });
}

function failure(
  code: string,
  what: string,
  { provider, status, words, retryAfterSeconds }: FailureFacts,
  { retryable, repeat = false, cause }: { retryable: boolean; repeat?: boolean; cause?: unknown },
): CallFailure {
  const statusText = status === null ? "" : ` (HTTP ${status})`;
  const error = new AppError(code, `${provider} ${what}${statusText}${words ? `: ${words}` : "."}`, {
    retryable,
    cause,
    extra: { provider_status: status },
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
  return { error, repeat };
}
