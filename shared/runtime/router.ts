import type { IncomingMessage, Server, ServerResponse } from "node:http";
import findMyWay, { type HTTPMethod } from "find-my-way";
import type { Route } from "./catalogue.ts";
import type { Surroundings } from "./ports.ts";
import { hideBodyForm } from "./raw-body.ts";
import { bodyLimitBytes, bodyTooLarge, type FrameworkRequest } from "./request.ts";
import { errorOutcome, respond } from "./respond.ts";

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
    maxParamLength: 2000,
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
    const requestId = surroundings.ids.newId("req");
    response.setHeader("connection", "close");
    respond(response, errorOutcome(error, requestId, surroundings.log), {
      requestId,
      origin: undefined,
      config: surroundings.config,
      isHead: false,
    });
  }
}

/** Reads the body within the limit, before any parser sees it. */
function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers["content-length"] ?? 0) > limitBytes) return reject(bodyTooLarge(limitBytes));
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limitBytes) {
        request.pause();
        reject(bodyTooLarge(limitBytes));
      } else chunks.push(chunk);
    });
    request.once("end", () => resolve(Buffer.concat(chunks)));
    request.once("error", reject);
  });
}
