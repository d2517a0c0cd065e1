import type { IncomingMessage, Server, ServerResponse } from "node:http";
import findMyWay, { type HTTPMethod } from "find-my-way";
import type { Route } from "./catalogue.ts";
import type { Surroundings } from "./ports.ts";
import { hideBodyForm } from "./raw-body.ts";
import { bodyLimitBytes, bodyTooLarge, type FrameworkRequest, header, requestIdOf } from "./request.ts";
import { errorOutcome, respond } from "./respond.ts";

/** Of a body that is too large anyway, so much is still read. */
const droppedBytes = 4_194_304;

/** Gives the test server of a function; `undefined` for a name that is not served. */
export type ServerOf = (functionName: string) => Server;

/**
 * The local front door: finds the function that a path belongs to - a literal segment wins over a parameter, leftmost
 * first - and hands the request to its functions-framework server. What no route takes goes to `not-found`, and so does
 * `OPTIONS`, because only that function knows all methods of a path.
 */
export function localRouter(
  routes: readonly Route[],
  serverOf: ServerOf,
  surroundings: Surroundings,
): (request: IncomingMessage, response: ServerResponse) => void {
  const tables = routingTables(routes);
  return (request, response) => {
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    const method = request.method === "HEAD" ? "GET" : (request.method ?? "GET");
    const route = tables.find(method, path);
    const target = {
      server: () => serverOf(route?.functionName ?? "not-found"),
      limitBytes: route?.bodyLimitBytes ?? bodyLimitBytes,
    };
    void pass(request, response, target, surroundings);
  };
}

function routingTables(routes: readonly Route[]): { find(method: string, path: string): Route | undefined } {
  const router = findMyWay({
    caseSensitive: true,
    ignoreTrailingSlash: false,
    onBadUrl: () => {},
    // Longer than any request line: what is too long is for the function to say, which answers 404 as for any other value.
    maxParamLength: 100_000,
  });
  for (const route of routes) {
    const path = route.path.replace(/\{(\w+)\}/g, ":$1");
    router.on(route.method as HTTPMethod, path, () => {}, route);
  }
  return {
    find: (method, path) => {
      const match = router.find(method as HTTPMethod, path);
      return match?.store as Route | undefined;
    },
  };
}

async function pass(
  request: FrameworkRequest,
  response: ServerResponse,
  target: { server: () => Server; limitBytes: number },
  surroundings: Surroundings,
): Promise<void> {
  try {
    request.rawBody = await readBody(request, target.limitBytes);
    hideBodyForm(request.headers);
    // The framework answers some addresses by itself (/robots.txt): it must not see the real one, our runtime does.
    request.originalUrl = request.url ?? "/";
    request.url = "/";
    target.server().emit("request", request, response);
  } catch (error) {
    // The caller has gone away in the middle of its body.
    if (request.errored !== null) return;
    const { log, config, ids } = surroundings;
    const requestId = requestIdOf(request.headers, ids);
    const outcome = errorOutcome(error, requestId, log);
    log.info({ request_id: requestId, status: outcome.status }, "request refused");
    response.setHeader("connection", "close");
    respond(response, outcome, {
      requestId,
      origin: header(request.headers, "origin"),
      config,
      isHead: request.method === "HEAD",
    });
  }
}

/**
 * Reads the body within the limit, before any parser sees it. What is too large is read to its end and dropped: a
 * connection that is cut while the caller still sends may take the answer with it. What is absurd is cut all the same.
 */
function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const refuse = (): void => {
      request.pause();
      reject(bodyTooLarge(limitBytes));
    };
    if (Number(request.headers["content-length"] ?? 0) > limitBytes + droppedBytes) return refuse();
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limitBytes) chunks.push(chunk);
      else chunks.length = 0;
      if (size > limitBytes + droppedBytes) refuse();
    });
    request.once("end", () => (size > limitBytes ? refuse() : resolve(Buffer.concat(chunks))));
    request.once("error", reject);
  });
}
