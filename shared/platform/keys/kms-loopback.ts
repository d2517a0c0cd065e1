import type { KmsClientOptions } from "./kms-keys.ts";

/**
 * Client options for a key service on this machine, `http://127.0.0.1:<port>`: REST without a token. Any other host is
 * refused, so that a mistaken setting never sends data keys in the clear over a network.
 */
export function kmsLoopbackOptions(url: string): KmsClientOptions {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== "http:" || hostname !== "127.0.0.1") throw new Error(`not a loopback address: ${url}`);
  const options = { fallback: true, protocol: "http", apiEndpoint: hostname, port: Number(port), auth: withoutToken };
  // The client's type asks for its own class; it uses these two functions of it.
  return options as unknown as KmsClientOptions;
}

const withoutToken = {
  getRequestHeaders: async () => new Headers(),
  fetch: (url: string, { method, headers, body, signal }: RequestInit) =>
    fetch(url, { method: method ?? "GET", headers: headers ?? {}, body: body ?? null, signal: signal ?? null }),
};
