import { AppError } from "#shared/runtime/errors.ts";

/** The rows or names do not fit the table: permanent, the whole batch fails. */
export function refused(message: string, options: { path?: string; cause?: unknown } = {}): AppError {
  const fields = options.path === undefined ? [] : [{ path: options.path, problem: message }];
  return new AppError("BATCH_REFUSED", message, { fields, cause: options.cause });
}

/** The id is taken by other rows, or by another table's. */
export function conflict(batchId: string): AppError {
  return new AppError("BATCH_CONFLICT", `batch ${batchId} was written before with other rows`);
}

/** The store did not answer or did not finish; the same call may succeed later. */
export function unavailable(message: string, cause?: unknown): AppError {
  return new AppError("WAREHOUSE_UNAVAILABLE", message, { retryable: true, cause });
}

/** The dataset carries another label than the caller's. */
export function notOurs(datasetId: string): AppError {
  return new AppError("DATASET_NOT_OURS", `dataset ${datasetId} does not carry the expected label`);
}
