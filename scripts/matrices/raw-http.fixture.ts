import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request as sendRequest } from "node:http";

/** A request whose target and body go over the wire as they stand: no client here mends a path or a header. */
export interface RawCall {
  method: string;
  path: string;
  headers?: OutgoingHttpHeaders;
  body?: string | Buffer;
  /** Without Content-Length. */
  chunked?: boolean;
}

export interface RawAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** The parsed body; empty where the answer is not a JSON object. */
  body: Readonly<Record<string, unknown>>;
}

const agent = new Agent({ keepAlive: true, maxSockets: 8 });

export function send(url: string, call: RawCall): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const { method, path, body, chunked = false } = call;
    const length = body === undefined || chunked ? {} : { "content-length": Buffer.byteLength(body) };
    const framing = chunked ? { "transfer-encoding": "chunked" } : length;
    const sent = sendRequest({ hostname, port, method, path, agent, headers: { ...call.headers, ...framing } });
    sent.once("error", reject);
    sent.once("response", (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.once("error", reject);
      response.once("end", () => {
        const text = Buffer.concat(parts).toString("utf8");
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: objectIn(text) });
      });
    });
    sent.end(body);
  });
}

/** The answer's body without what differs from call to call. */
export function withoutIds({ text }: RawAnswer): string {
  return text
    .replace(/"error_id":"err_[0-9a-f-]{36}"/, '"error_id":""')
    .replace(/"request_id":"[A-Za-z0-9._-]+"/, '"request_id":""');
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
