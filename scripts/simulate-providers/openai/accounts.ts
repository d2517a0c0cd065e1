import type { IncomingHttpHeaders } from "node:http";
import { behaviourOf } from "../behaviour.ts";
import type { Answer, Call, Route } from "../provider.ts";
import { errorAnswer } from "./errors.ts";

export const keyForms = [
  { form: "sk-admin-sim-<account>", effect: "an organization with data" },
  { form: "sk-admin-sim-<account>-revoked", effect: "401 everywhere" },
  { form: "sk-admin-sim-<account>-forbidden", effect: "403 on costs, the rest works" },
  { form: "sk-admin-sim-<account>-inference", effect: "like a project key: models only, 401 elsewhere" },
  { form: "sk-admin-sim-<account>-empty", effect: "projects and keys, but no usage and no money" },
  { form: "sk-admin-sim-<account>-golden", effect: "the worked example of 2026-07-01, all other days empty" },
] as const;

/** The bearer token of a request. */
export function keyOf(headers: IncomingHttpHeaders): string | undefined {
  return /^Bearer (\S+)$/.exec(headers.authorization ?? "")?.[1];
}

/** The account of a simulator key, suffix included: two suffixes are two accounts. */
export function accountOf(key: string): string | undefined {
  return /^sk-admin-sim-([A-Za-z0-9_-]{1,100})$/.exec(key)?.[1];
}

/** OpenAI's refusal of a call, or undefined when its key may use the route. */
export function refusal(call: Call, route: Route): Answer | undefined {
  const key = keyOf(call.headers);
  if (key === undefined) {
    return errorAnswer(401, "You didn't provide an API key in an Authorization header using Bearer auth.");
  }
  const behaviour = call.account === undefined ? "revoked" : behaviourOf(call.account);
  const isModels = route.path === "/v1/models";
  if (behaviour === "revoked" || (behaviour === "inference" && !isModels)) {
    return errorAnswer(401, "Incorrect API key provided.", { code: "invalid_api_key" });
  }
  if (behaviour === "forbidden" && route.path === "/v1/organization/costs") {
    return errorAnswer(403, "You have insufficient permissions for this operation. Missing scopes: api.usage.read.");
  }
  return undefined;
}
