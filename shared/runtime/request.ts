import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Ids } from "#shared/platform/ids.ts";
import { AppError } from "./errors.ts";

/** A request as it arrives from functions-framework or the local gateway, its body read but not parsed. */
export interface RawRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  /** Of the query as it was sent. */
  queryBytes: number;
  headers: IncomingHttpHeaders;
  rawBody: Buffer;
  address: string;
}

export const bodyLimitBytes = 1_048_576;
const maximumDepth = 64;
const maximumQueryBytes = 8_192;

/** What functions-framework adds to Node's request. */
export type FrameworkRequest = IncomingMessage & { rawBody?: Buffer | undefined; originalUrl?: string };

export function rawRequestOf(request: FrameworkRequest): RawRequest {
  const url = request.originalUrl ?? request.url ?? "/";
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? "" : url.slice(mark + 1);
  return {
    method: request.method ?? "GET",
    path,
    query: new URLSearchParams(query),
    queryBytes: Buffer.byteLength(query),
    headers: request.headers,
    rawBody: request.rawBody ?? Buffer.alloc(0),
    address: request.socket.remoteAddress ?? "unknown",
  };
}

export function refuseOversized(raw: RawRequest, limitBytes: number): void {
  if (raw.rawBody.length > limitBytes) throw bodyTooLarge(limitBytes);
  if (raw.queryBytes > maximumQueryBytes)
    throw new AppError("INVALID_PARAMETER", "The query string is longer than 8 KiB.");
}

export function bodyTooLarge(limitBytes: number): AppError {
  return new AppError("BODY_TOO_LARGE", `The body is larger than ${limitBytes / 1024} KiB.`);
}

/** 415 for a body that is compressed on the way. */
export function refuseEncoded(raw: RawRequest): void {
  const encoding = raw.headers["content-encoding"] ?? raw.headers[originalEncodingHeader];
  if (encoding === undefined || encoding === "identity") return;
  throw new AppError("BODY_ENCODED", "The body must not have a Content-Encoding.");
}

/** The body as JSON whatever its Content-Type; undefined when there is none. 400 `NOT_JSON`, 415 for an encoded body. */
export function jsonBody(raw: RawRequest): unknown {
  refuseEncoded(raw);
  const text = bodyText(raw);
  if (text.trim() === "") return undefined;
  if (isDeeperThan(text, maximumDepth))
    throw new AppError("NOT_JSON", `The body is nested deeper than ${maximumDepth} levels.`);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new AppError("NOT_JSON", "The body is not valid JSON.", { cause });
  }
}

/** The body as text without a byte order mark. 400 `NOT_JSON` for what is not UTF-8. */
export function bodyText(raw: RawRequest): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(raw.rawBody);
  } catch (cause) {
    throw new AppError("NOT_JSON", "The body is not valid UTF-8.", { cause });
  }
}

/** Where the content encoding is kept while functions-framework must not see it (`raw-body.ts`). */
export const originalEncodingHeader = "x-ca-content-encoding";

/** Counts brackets outside of strings, so that no parser is asked to recurse without bound. */
function isDeeperThan(text: string, limit: number): boolean {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isInString) {
      if (character === "\\") at++;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === "{" || character === "[") {
      if (++depth > limit) return true;
    } else if (character === "}" || character === "]") depth--;
  }
  return false;
}

/** A single header value; several are the caller's mistake and count as absent for credentials. */
export function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}

/** The caller's own id of the request where it is plain, else a fresh one. */
export function requestIdOf(headers: IncomingHttpHeaders, ids: Ids): string {
  const sent = header(headers, "x-request-id");
  return sent !== undefined && /^[A-Za-z0-9._-]{1,100}$/.test(sent) ? sent : ids.newId("req");
}

/** The caller's trace where it has the form of W3C Trace Context; anything else would travel on in messages. */
export function traceparentOf(headers: IncomingHttpHeaders): string | undefined {
  const sent = header(headers, "traceparent");
  return sent !== undefined && /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(sent) ? sent : undefined;
}

/** The client's address as seen through as many proxies as the operator vouches for. */
export function clientAddress(raw: RawRequest, trustedHops: number): string {
  const forwarded = header(raw.headers, "x-forwarded-for")?.split(",") ?? [];
  return trustedHops === 0 ? raw.address : (forwarded.at(-trustedHops)?.trim() ?? raw.address);
}
