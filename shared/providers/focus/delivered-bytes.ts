import { createHash } from "node:crypto";
import type { Objects } from "#shared/platform/objects/objects.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { refusedCode } from "./refusal.ts";

/** The bytes of a delivered file from its beginning to its end, so that the whole need not be held. */
export interface DeliveredBytes {
  size: number;
  blocks: AsyncIterable<Buffer>;
}

/** What is read of a stored file at once; blocks that are held come in the same size. */
export const blockBytes = 12 * 1024 * 1024;

export function heldBytes(bytes: Uint8Array): DeliveredBytes {
  return { size: bytes.length, blocks: slices(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)) };
}

async function* slices(whole: Buffer): AsyncGenerator<Buffer> {
  for (let start = 0; start < whole.length; start += blockBytes) yield whole.subarray(start, start + blockBytes);
}

/**
 * A stored file. What was read is checked against the hash of what was delivered, at the end: nothing of a file may be
 * published before. Errors: `IMPORT_REJECTED` when the object is gone, `OBJECTS_UNAVAILABLE` (retryable) when it is other.
 */
export function storedBytes(
  delivered: { object: string; bytes: number; sha256: string },
  objects: Pick<Objects, "getRange">,
): DeliveredBytes {
  return { size: delivered.bytes, blocks: ranges(delivered, objects) };
}

async function* ranges(
  { object, bytes, sha256 }: { object: string; bytes: number; sha256: string },
  objects: Pick<Objects, "getRange">,
): AsyncGenerator<Buffer> {
  const hash = createHash("sha256");
  for (let start = 0; start < bytes; start += blockBytes) {
    const range = await objects.getRange(object, start, Math.min(bytes, start + blockBytes));
    if (range === undefined) throw new AppError(refusedCode, "The uploaded file is gone; upload it again.");
    hash.update(range);
    yield Buffer.from(range.buffer, range.byteOffset, range.length);
  }
  if (hash.digest("hex") !== sha256)
    throw new AppError("OBJECTS_UNAVAILABLE", "The stored file is not what was delivered.", { retryable: true });
}
