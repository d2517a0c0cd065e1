import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { writeJson } from "./json.ts";
import { type Answer, TextBody } from "./provider.ts";

/** An answer as bytes. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const compressFrom = 1024;

/** The bytes of an answer, gzipped when the client takes gzip and the body is worth it. */
export function encode(answer: Answer, request: IncomingMessage): WireAnswer {
  const [contentType, text] =
    answer.body instanceof TextBody
      ? [answer.body.contentType, answer.body.text]
      : ["application/json", writeJson(answer.body)];
  const plain = Buffer.from(text, "utf8");
  const headers = { "content-type": contentType, ...answer.headers };
  if (plain.length < compressFrom || !takesGzip(request)) return { status: answer.status, headers, body: plain };
  return { status: answer.status, headers: { ...headers, "content-encoding": "gzip" }, body: gzipSync(plain) };
}

/** Sends a whole answer with its length. */
export function send(response: ServerResponse, { status, headers, body }: WireAnswer): void {
  response.writeHead(status, { ...headers, "content-length": body.length });
  response.end(body);
}

function takesGzip(request: IncomingMessage): boolean {
  return /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
}
