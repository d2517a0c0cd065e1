import { createHash } from "node:crypto";
import type { Bucket, StorageOptions } from "@google-cloud/storage";
import { AppError } from "#shared/runtime/errors.ts";
import { checkObjectName, checkObjectPrefix } from "./object-name.ts";
import type { Objects } from "./objects.ts";

export interface CloudStorageObjectsOptions {
  bucket: string;
  projectId: string;
  /** `http://127.0.0.1:<port>` of a double; requests to it carry a token only when `authClient` is given. */
  apiEndpoint?: string;
  authClient?: NonNullable<StorageOptions["authClient"]>;
  /** How often the client repeats a call after 408, 429, 5xx or a lost connection. Default 3. */
  retries?: number;
}

const defaultLimit = 1000;
const largestPage = 1000;
const longestRetryDelaySeconds = 2;

/**
 * Objects in a Cloud Storage bucket. The service checks the bytes against their MD5 before it replaces the object, the
 * client checks what it downloads against their CRC-32C. All calls are safe to repeat and are repeated by the client.
 * Throws `OBJECT_NAME_INVALID`, and `OBJECTS_UNAVAILABLE` (retryable), for a missing bucket too: that is not "no object".
 */
export function cloudStorageObjects(options: CloudStorageObjectsOptions): Objects {
  let opening: Promise<Bucket> | undefined;

  const bucket = (): Promise<Bucket> => {
    opening ??= openBucket(options).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };

  return {
    async put(name, bytes) {
      checkObjectName(name);
      const file = (await bucket()).file(name);
      const metadata = {
        contentType: "application/octet-stream",
        md5Hash: createHash("md5").update(bytes).digest("base64"),
      };
      // The client's own check would come after the replacement, and delete the object where it fails.
      await file.save(Buffer.from(bytes), { resumable: false, validation: false, metadata }).catch(unavailable);
    },
    async get(name) {
      checkObjectName(name);
      const file = (await bucket()).file(name);
      const downloaded = await file.download({ validation: "crc32c" }).catch(absentOrUnavailable);
      return downloaded?.[0];
    },
    async getRange(name, start, end) {
      checkObjectName(name);
      const file = (await bucket()).file(name);
      if (end <= start) return (await file.exists().catch(unavailable))[0] ? new Uint8Array() : undefined;
      const range = { start, end: end - 1, validation: false };
      const downloaded = await file.download(range).catch(beyondAbsentOrUnavailable);
      return downloaded?.[0];
    },
    async list(prefix, page = {}) {
      checkObjectPrefix(prefix);
      const { after = "", limit = defaultLimit } = page;
      return listNames(await bucket(), { prefix, after, limit }).catch(unavailable);
    },
    async delete(name) {
      checkObjectName(name);
      const file = (await bucket()).file(name);
      await file.delete().catch(absentOrUnavailable);
    },
  };
}

/** Imported at the first use: the client costs 80 ms of a cold start. */
async function openBucket(options: CloudStorageObjectsOptions): Promise<Bucket> {
  const { projectId, apiEndpoint, authClient, retries = 3 } = options;
  const storage = await import("@google-cloud/storage");
  const client = new storage.Storage({
    projectId,
    ...(apiEndpoint === undefined ? {} : { apiEndpoint }),
    ...(authClient === undefined ? {} : { authClient, useAuthWithCustomEndpoint: true }),
    retryOptions: {
      idempotencyStrategy: storage.IdempotencyStrategy.RetryAlways,
      // No `totalTimeout`: where it ends the retries, the client's promise is never settled. Each request ends after 60 s.
      ...(retries === 0 ? { autoRetry: false } : { maxRetries: retries, maxRetryDelay: longestRetryDelaySeconds }),
    },
  });
  return client.bucket(options.bucket);
}

async function listNames(bucket: Bucket, wanted: { prefix: string; after: string; limit: number }): Promise<string[]> {
  const { prefix, after, limit } = wanted;
  const names: string[] = [];
  let pageToken: string | undefined;
  do {
    // One more than missing: the service begins with `after` itself.
    const maxResults = Math.min(largestPage, limit - names.length + 1);
    const [files, next] = await bucket.getFiles({
      prefix,
      maxResults,
      autoPaginate: false,
      fields: "items(name),nextPageToken",
      ...(after === "" ? {} : { startOffset: after }),
      ...(pageToken === undefined ? {} : { pageToken }),
    });
    names.push(...files.map((file) => file.name).filter((name) => name !== after));
    pageToken = (next as { pageToken?: string } | null)?.pageToken;
  } while (pageToken !== undefined && names.length < limit);
  return names.slice(0, limit);
}

/** 416: there is an object, and the range begins behind its end. */
function beyondAbsentOrUnavailable(error: unknown): [Uint8Array] | undefined {
  return Number((error as { code?: unknown }).code) === 416 ? [new Uint8Array()] : absentOrUnavailable(error);
}

function absentOrUnavailable(error: unknown): undefined {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (Number(code) === 404 && !/bucket does not exist/i.test(String(message))) return undefined;
  return unavailable(error);
}

function unavailable(cause: unknown): never {
  throw new AppError("OBJECTS_UNAVAILABLE", "Cloud Storage did not answer as it should.", { retryable: true, cause });
}
