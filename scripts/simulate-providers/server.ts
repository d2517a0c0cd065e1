import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type ControlCall, controls } from "./control.ts";
import { answerProvider } from "./dispatch.ts";
import { type Json, writeJson } from "./json.ts";
import { providers } from "./providers.ts";
import { createSimulation, type Simulation, type SimulationOptions } from "./simulation.ts";

export interface SimulatorOptions extends SimulationOptions {
  /** 0 (default) takes a free one. */
  port?: number;
}

export interface Simulator {
  /** `http://127.0.0.1:<port>`; each provider answers below `/<name>`, the controls below `/__sim`. */
  readonly url: string;
  /** Ends open connections too, also those that a fault left hanging. */
  stop(): Promise<void>;
}

const largestControlBody = 1024 * 1024;

/** Starts the simulator on loopback. Rejects on bad options and when the port is taken. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulation = createSimulation(options);
  const server = createServer((request, response) => {
    answer(simulation, request, response).catch((error: unknown) => fail(response, error));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(simulation: Simulation, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://127.0.0.1");
  const provider = providers.find(({ name }) => url.pathname.startsWith(`/${name}/`));
  if (provider !== undefined) {
    const path = url.pathname.slice(provider.name.length + 1);
    return answerProvider(simulation, { provider, path, url }, [request, response]);
  }
  const control = controls[`${request.method} ${url.pathname}`];
  if (control === undefined)
    return sendJson(response, 404, { error: `no such path: ${request.method} ${url.pathname}` });
  try {
    const body = await readJson(request);
    const call: ControlCall = { simulation, providers, query: url.searchParams, body };
    sendJson(response, 200, control(call));
  } catch (error) {
    sendJson(response, 400, { error: error instanceof Error ? error.message : String(error) });
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > largestControlBody) throw new Error("the body is larger than 1 MiB");
    chunks.push(chunk as Buffer);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  return text === "" ? undefined : (JSON.parse(text) as unknown);
}

function sendJson(response: ServerResponse, status: number, body: Json): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(writeJson(body));
}

/** A throw while answering is a defect of the simulator; the test that meets it must see it. */
function fail(response: ServerResponse, error: unknown): void {
  console.error(error);
  if (response.headersSent) response.destroy();
  else
    sendJson(response, 500, { error: `simulator defect: ${error instanceof Error ? error.message : String(error)}` });
}
