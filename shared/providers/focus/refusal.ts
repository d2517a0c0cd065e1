import { AppError, isAppError } from "#shared/runtime/errors.ts";

/** Why a file is not taken; `row` counts the records from 1, null where it is the file as a whole. */
export interface RowError {
  row: number | null;
  column: string | null;
  rule: string;
  /** The beginning of the value that is wrong. */
  value_excerpt: string | null;
}

export const refusedCode = "IMPORT_REJECTED";
const longestExcerpt = 100;

/** The failure that ends an import; the file's errors travel in `extra.errors`. */
export function fileRefused(message: string, error: Partial<RowError> & Pick<RowError, "rule">): AppError {
  const whole: RowError = { row: null, column: null, value_excerpt: null, ...error };
  return new AppError(refusedCode, message, { extra: { errors: [whole] } });
}

/** The errors that a refusal carries. */
export function errorsOf(refusal: AppError): RowError[] {
  return (refusal.extra["errors"] as RowError[] | undefined) ?? [];
}

export function isRefusal(error: unknown): error is AppError {
  return isAppError(error, refusedCode);
}

export function excerpt(text: string): string {
  return text.length > longestExcerpt ? `${text.slice(0, longestExcerpt)}...` : text;
}
