import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";

export interface BodyLimits {
  /** Bytes after decompression. */
  maxBodyBytes: number;
  /** Decompressed bytes per byte on the wire. */
  maxInflation: number;
  /** A body that brings less than `slowBytesPerSecond` over this many milliseconds is given up. */
  slowAfterMs: number;
  slowBytesPerSecond: number;
}

/** Why a body could not be read. */
export type BodyFault = "too_large" | "too_slow" | "encoding" | "cut";

/** The body, decompressed, or the fault that ended it; the connection is destroyed on a fault. */
export async function readBody(response: IncomingMessage, limits: BodyLimits): Promise<Buffer | BodyFault> {
  const encoding = response.headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  if (encoding !== "gzip" && encoding !== "identity" && encoding !== "") {
    response.destroy();
    return "encoding";
  }
  let wireBytes = 0;
  let fault: BodyFault = "cut";
  const stop = (reason: BodyFault): Error => {
    fault = reason;
    const error = new Error(reason);
    response.destroy(error);
    return error;
  };
  const watch = watchSpeed(
    () => wireBytes,
    limits,
    () => stop("too_slow"),
  );
  const chunks: Buffer[] = [];
  let size = 0;
  const count = async function* (source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      wireBytes += chunk.length;
      yield chunk;
    }
  };
  const collect = async (source: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of source) {
      size += chunk.length;
      const inflated = encoding === "gzip" && size > wireBytes * limits.maxInflation;
      if (size > limits.maxBodyBytes || inflated) throw stop("too_large");
      chunks.push(chunk);
    }
  };
  try {
    await (encoding === "gzip"
      ? pipeline(response, count, createGunzip(), collect)
      : pipeline(response, count, collect));
  } catch {
    return fault;
  } finally {
    clearInterval(watch);
  }
  return Buffer.concat(chunks);
}

function watchSpeed(bytes: () => number, limits: BodyLimits, tooSlow: () => void): NodeJS.Timeout {
  const needed = (limits.slowBytesPerSecond * limits.slowAfterMs) / 1000;
  let before = 0;
  return setInterval(() => {
    const now = bytes();
    if (now - before < needed) tooSlow();
    before = now;
  }, limits.slowAfterMs);
}
