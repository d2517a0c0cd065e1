import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Configuration } from "#shared/runtime/config.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { InFlight } from "./in-flight.ts";

/** The one listening server of a host. */
export interface FrontDoor {
  url: string;
  /** Takes no new connection; requests at work go on, and their connections end with them. */
  close(): void;
  /** Ends every connection, whatever it is doing. */
  cut(): void;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

const limits = { headersTimeout: 15_000, requestTimeout: 60_000, keepAliveTimeout: 10_000, maxHeaderSize: 16_384 };

/** Listens on the configured host and port. Throws `PORT_TAKEN` and `PORT_REFUSED` in words for whoever starts it. */
export async function openFrontDoor(config: Configuration, work: InFlight, listener: Listener): Promise<FrontDoor> {
  let isClosing = false;
  const server = createServer(limits, (request, response) => {
    work.begin();
    response.once("close", work.end);
    if (isClosing) response.setHeader("connection", "close");
    listener(request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenError(error, config)));
    server.listen(config.PORT, config.HOST, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${reachable(config.HOST)}:${port}`,
    close: () => {
      isClosing = true;
      server.close();
    },
    cut: () => server.closeAllConnections(),
  };
}

function listenError(error: NodeJS.ErrnoException, { HOST, PORT }: Configuration): Error {
  if (error.code === "EADDRINUSE") {
    const advice = `Stop what listens there, or choose another port: PORT=${PORT + 1} npm start`;
    return new AppError("PORT_TAKEN", `Port ${PORT} on ${HOST} is taken. ${advice}`, { cause: error });
  }
  if (error.code === "EACCES" || error.code === "EADDRNOTAVAIL") {
    return new AppError("PORT_REFUSED", `This machine does not allow to listen on ${HOST}:${PORT} (${error.code}).`, {
      cause: error,
    });
  }
  return error;
}

function reachable(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
