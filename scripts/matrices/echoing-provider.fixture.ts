import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse, request as sendRequest } from "node:http";
import type { AddressInfo } from "node:net";

/** Stands before the simulator and, on request, answers as a careless provider does: with the caller's key in every place. */
export interface EchoingProvider {
  url: string;
  mode: "pass" | "refuse" | "fail" | "page" | "wrong-shape";
  stop(): Promise<void>;
}

export async function startEchoingProvider(simulatorUrl: string): Promise<EchoingProvider> {
  const server = createServer((request, response) => {
    if (provider.mode === "pass") passOn(request, response, simulatorUrl);
    else echo(provider.mode, request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const provider: EchoingProvider = {
    url: `http://127.0.0.1:${port}`,
    mode: "pass",
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return provider;
}

function echo(mode: EchoingProvider["mode"], request: IncomingMessage, response: ServerResponse): void {
  const given = request.headers.authorization ?? "";
  const key = given.replace(/^Bearer /, "");
  const error = { message: `Incorrect API key provided: ${key}. Sent: ${given}`, type: key, param: key, code: key };
  const answers = {
    refuse: [401, "application/json", JSON.stringify({ error })],
    fail: [500, "application/json", JSON.stringify({ error })],
    page: [200, "text/html", `<html><title>${key}</title></html>`],
    "wrong-shape": [200, "application/json", JSON.stringify({ object: key, data: [{ [key]: key }], next_page: key })],
    pass: [500, "text/plain", ""],
  } as const;
  const [status, type, body] = answers[mode];
  response.writeHead(status, { "content-type": type, "x-request-id": key, "www-authenticate": given });
  response.end(body);
}

function passOn(request: IncomingMessage, response: ServerResponse, simulatorUrl: string): void {
  const { hostname, port } = new URL(simulatorUrl);
  const { method, url, headers } = request;
  const passed = sendRequest({ hostname, port, method, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  passed.once("error", () => response.destroy());
  request.pipe(passed);
}
