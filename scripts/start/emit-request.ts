import { IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { FrameworkRequest } from "#shared/runtime/request.ts";

/** Hands a POST to a server inside this process, without a socket; answers the status of the response. */
export async function emitPost(server: Server, body: Buffer): Promise<number> {
  const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() }) as unknown as Socket;
  const request: FrameworkRequest = new IncomingMessage(socket);
  request.method = "POST";
  request.url = "/";
  request.headers = { "content-type": "application/octet-stream", "content-length": String(body.length) };
  request.rawBody = body;
  await readToItsEnd(request);
  const response = new ServerResponse(request);
  response.assignSocket(socket);
  const status = await new Promise<number>((resolve) => {
    response.once("finish", () => resolve(response.statusCode));
    server.emit("request", request, response);
  });
  socket.destroy();
  return status;
}

/** The framework's body parsers leave a request alone that was read already. */
function readToItsEnd(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    request.once("end", resolve);
    request.complete = true;
    request.push(null);
    request.resume();
  });
}
