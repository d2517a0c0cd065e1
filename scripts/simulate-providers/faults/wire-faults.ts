import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { createGzip, gunzipSync, gzipSync } from "node:zlib";
import type { WireAnswer } from "../wire.ts";
import { send } from "../wire.ts";
import { type Fault, type FaultArgs, type FaultMode, numberArg } from "./fault.ts";

type WireFault = (response: ServerResponse, answer: WireAnswer, args: FaultArgs) => Promise<void> | void;

/**
 * Faults of the connection. Args: slow `delay_ms` (2000) before the first byte or `bytes_per_second`; hang `after_headers`; truncate and
 * truncate-gzip `keep_percent` (50); big-body `mib` (40), `gzip`.
 */
const wireFaults: Partial<Record<FaultMode, WireFault>> = {
  slow,
  hang: (response, answer, args) => {
    if (args["after_headers"] !== true) return;
    response.writeHead(answer.status, { ...answer.headers, "content-length": answer.body.length });
    response.write(kept(answer.body, 50));
  },
  reset: (response) => {
    response.socket?.resetAndDestroy();
  },
  truncate: (response, answer, args) => {
    response.writeHead(answer.status, { ...answer.headers, "content-length": answer.body.length });
    // Destroying at once could drop the bytes that were to arrive.
    response.write(kept(answer.body, numberArg(args, "keep_percent", 50)), () => response.destroy());
  },
  // The transfer itself ends well, so that only the gzip trailer tells.
  "truncate-gzip": (response, answer, args) => {
    const zipped = gzipSync(plainOf(answer));
    response.writeHead(answer.status, { ...answer.headers, "content-encoding": "gzip" });
    response.end(kept(zipped, numberArg(args, "keep_percent", 50)));
  },
  "big-body": bigBody,
};

/** True for the faults of this file; they can strike every answer. */
export function isWireFault({ mode }: Fault): boolean {
  return wireFaults[mode] !== undefined;
}

/** Sends the answer with the fault; ends when the last byte is written or the client has gone. */
export async function sendWithFault(response: ServerResponse, answer: WireAnswer, fault: Fault): Promise<void> {
  await wireFaults[fault.mode]?.(response, answer, fault.args);
}

async function slow(response: ServerResponse, answer: WireAnswer, args: FaultArgs): Promise<void> {
  const bytesPerSecond = numberArg(args, "bytes_per_second", 0);
  await wait(numberArg(args, "delay_ms", bytesPerSecond > 0 ? 0 : 2000), undefined, { ref: false });
  if (bytesPerSecond <= 0) return send(response, answer);
  response.writeHead(answer.status, { ...answer.headers, "content-length": answer.body.length });
  const step = Math.max(1, Math.floor(bytesPerSecond / 10));
  for (let sent = 0; sent < answer.body.length && !response.destroyed; sent += step) {
    response.write(answer.body.subarray(sent, sent + step));
    await wait(100, undefined, { ref: false });
  }
  response.end();
}

/** The honest JSON followed by white space, which is valid JSON of any length; gzipped it is a bomb. */
async function bigBody(response: ServerResponse, answer: WireAnswer, args: FaultArgs): Promise<void> {
  const mebibytes = numberArg(args, "mib", 40);
  const { "content-encoding": _, ...headers } = answer.headers;
  const isZipped = args["gzip"] === true;
  response.writeHead(answer.status, isZipped ? { ...headers, "content-encoding": "gzip" } : headers);
  const zip = createGzip();
  if (isZipped) zip.pipe(response);
  const target = isZipped ? zip : response;
  // A client that goes away in the middle is what this fault is for, not an error.
  const gone = once(response, "close").catch(() => undefined);
  const filler = Buffer.alloc(1024 * 1024, " ");
  target.write(plainOf(answer));
  for (let index = 0; index < mebibytes && !response.destroyed; index += 1) {
    if (!target.write(filler)) await Promise.race([once(target, "drain"), gone]);
  }
  target.end();
}

function plainOf({ headers, body }: WireAnswer): Buffer {
  return headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
}

function kept(body: Buffer, percent: number): Buffer {
  return body.subarray(0, Math.floor((body.length * percent) / 100));
}
