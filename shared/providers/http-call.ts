import { type Agent, type IncomingMessage, request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import { type BodyFault, type BodyLimits, readBody } from "./call-body.ts";

export interface CallLimits extends BodyLimits {
  /** Name look-up, connection and TLS together. */
  connectMs: number;
  /** The whole call, to the last byte of the body. */
  callMs: number;
}

export interface CallTarget {
  url: URL;
  headers: Readonly<Record<string, string>>;
  agent: Agent;
}

export interface CallAnswer {
  status: number;
  /** Lower-case names; repeated headers joined by a comma. */
  headers: Record<string, string>;
  body: Buffer | BodyFault | "timeout";
}

/** A call that never got an answer. */
export type NoAnswer = { lost: "timeout" } | { lost: "connection"; cause: unknown };

/** One GET, exactly once; redirects are answers like any other. Rejects only with the reason of an aborted signal. */
export async function httpCall(
  target: CallTarget,
  limits: CallLimits,
  signal: AbortSignal,
): Promise<CallAnswer | NoAnswer> {
  signal.throwIfAborted();
  const overall = new AbortController();
  const timer = setTimeout(() => overall.abort(), limits.callMs);
  const either = AbortSignal.any([signal, overall.signal]);
  try {
    const response = await answerTo(target, limits.connectMs, either);
    const body = await readBody(response, limits);
    signal.throwIfAborted();
    const timedOut = overall.signal.aborted && typeof body === "string";
    return { status: response.statusCode ?? 0, headers: headersOf(response), body: timedOut ? "timeout" : body };
  } catch (error) {
    signal.throwIfAborted();
    return overall.signal.aborted ? { lost: "timeout" } : { lost: "connection", cause: error };
  } finally {
    clearTimeout(timer);
  }
}

function answerTo(
  { url, headers, agent }: CallTarget,
  connectMs: number,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? secureRequest : plainRequest;
    const request = send(url, { agent, headers, signal }, resolve);
    const connecting = setTimeout(() => request.destroy(new Error("connecting took too long")), connectMs);
    const connected = () => clearTimeout(connecting);
    request.once("socket", (socket) => {
      // A socket that is used again is connected already.
      if (request.reusedSocket || !socket.connecting) connected();
      else socket.once(url.protocol === "https:" ? "secureConnect" : "connect", connected);
    });
    request.once("close", connected);
    request.once("error", reject);
    request.end();
  });
}

function headersOf(response: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(response.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]],
    ),
  );
}
