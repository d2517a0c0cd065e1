import { subscribe } from "node:diagnostics_channel";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { originalEncodingHeader } from "./request.ts";

let isSubscribed = false;

/**
 * Makes functions-framework hand the body over as bytes: otherwise Express answers malformed JSON itself, in HTML, and
 * inflates compressed bodies, both before our code runs.
 */
export function hideBodyForm(headers: IncomingHttpHeaders): void {
  headers["content-type"] = "application/octet-stream";
  const encoding = headers["content-encoding"];
  if (encoding !== undefined) headers[originalEncodingHeader] = encoding;
  delete headers["content-encoding"];
}

/** The same for every request of this process, where functions-framework owns the server. Once per process. */
export function keepBodiesRaw(): void {
  if (isSubscribed) return;
  isSubscribed = true;
  subscribe("http.server.request.start", (event) =>
    hideBodyForm((event as { request: IncomingMessage }).request.headers),
  );
}
