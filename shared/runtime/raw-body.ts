import { subscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import { originalEncodingHeader } from "./request.ts";

let isSubscribed = false;

/**
 * Makes functions-framework hand every body over as bytes: otherwise Express answers malformed JSON itself, in HTML,
 * and inflates compressed bodies, both before our code runs. Once per process.
 */
export function keepBodiesRaw(): void {
  if (isSubscribed) return;
  isSubscribed = true;
  subscribe("http.server.request.start", (event) => {
    const { headers } = (event as { request: IncomingMessage }).request;
    headers["content-type"] = "application/octet-stream";
    const encoding = headers["content-encoding"];
    if (encoding !== undefined) headers[originalEncodingHeader] = encoding;
    delete headers["content-encoding"];
  });
}
