import { AppError } from "#shared/runtime/errors.ts";

/** gRPC status codes, https://grpc.io/docs/guides/status-codes/ . */
const status = {
  cancelled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  internal: 13,
  unavailable: 14,
} as const;

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** Someone else was first: a precondition, a lock or a transaction was lost. Nothing of the commit was applied by this answer. */
export function isLostRace(error: unknown): boolean {
  const codes: unknown[] = [status.aborted, status.failedPrecondition, status.notFound, status.alreadyExists];
  return codes.includes(codeOf(error));
}

export function isAlreadyExists(error: unknown): boolean {
  return codeOf(error) === status.alreadyExists;
}

/** Firestore's failures to answer as `DOCUMENTS_UNAVAILABLE`; everything else as it is. */
function asAppError(error: unknown): unknown {
  const { cancelled, unknown, deadlineExceeded, resourceExhausted, internal, unavailable } = status;
  const codes: unknown[] = [cancelled, unknown, deadlineExceeded, resourceExhausted, internal, unavailable];
  return codes.includes(codeOf(error)) ? unreachable(error) : error;
}

export interface Calls {
  timeoutSeconds: number;
  /** Calls of the client that have not settled, given up or not. */
  open: Set<Promise<unknown>>;
}

/**
 * Waits for a call of the client, which itself retries for up to ten minutes, no longer than the given time. A commit
 * given up may still land.
 */
export async function within<R>(calls: Calls, call: Promise<R>, seconds = calls.timeoutSeconds): Promise<R> {
  calls.open.add(call);
  const settled = () => calls.open.delete(call);
  call.then(settled, settled);
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unreachable(undefined)), seconds * 1000);
  });
  try {
    return await Promise.race([call, timeout]);
  } catch (error) {
    throw asAppError(error);
  } finally {
    clearTimeout(timer);
  }
}

function unreachable(cause: unknown): AppError {
  return new AppError("DOCUMENTS_UNAVAILABLE", "The document store did not answer.", { retryable: true, cause });
}
