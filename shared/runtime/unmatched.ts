import type { Catalogue, Route } from "./catalogue.ts";
import { AppError } from "./errors.ts";
import { pathMatcher } from "./path-matcher.ts";

/** The methods that some function takes at this path, sorted; `HEAD` goes with `GET`. Empty for an unknown path. */
export async function methodsAt(path: string, catalogue: Catalogue): Promise<string[]> {
  const routes = await catalogue.routes();
  const methods = routes.filter((route) => matches(route, path)).map((route) => route.method);
  if (methods.includes("GET")) methods.push("HEAD");
  return [...new Set(methods)].sort();
}

/** What a request gets that no function takes: 405 `METHOD_NOT_ALLOWED` where its path takes other methods, else 404. */
export async function refuseUnmatched(path: string, catalogue: Catalogue): Promise<never> {
  const methods = await methodsAt(path, catalogue);
  throw methods.length === 0 ? nothingHere() : methodNotAllowed(methods);
}

export function methodNotAllowed(allowed: readonly string[]): AppError {
  return new AppError("METHOD_NOT_ALLOWED", `This address takes ${allowed.join(", ")}.`, { extra: { allow: allowed } });
}

export function nothingHere(): AppError {
  return new AppError("NOT_FOUND", "There is nothing at this address.");
}

function matches(route: Route, path: string): boolean {
  return pathMatcher({ path: route.path })(path) !== undefined;
}
