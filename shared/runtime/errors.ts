/**
 * The one family of expected failures. A domain room says what went wrong; which HTTP status that is stands in
 * `http-status.ts` alone. Anything else that is thrown is a bug and is answered as 500 with an id.
 */
export class AppError extends Error {
  readonly code: string;
  /** True when the same call may succeed later without anyone changing anything. */
  readonly retryable: boolean;
  readonly fields: readonly FieldProblem[];
  readonly retryAfterSeconds: number | undefined;
  /** Further documented members of the error body, e.g. `quota`. */
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.fields = options.fields ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.extra = options.extra ?? {};
  }
}

export interface FieldProblem {
  /** JSON pointer into the body, or the parameter's name behind a slash. */
  path: string;
  problem: string;
}

export interface AppErrorOptions {
  retryable?: boolean;
  fields?: readonly FieldProblem[];
  retryAfterSeconds?: number;
  extra?: Readonly<Record<string, unknown>>;
  cause?: unknown;
}

/** True for an `AppError` of that code. */
export function isAppError(error: unknown, code?: string): error is AppError {
  return error instanceof AppError && (code === undefined || error.code === code);
}
