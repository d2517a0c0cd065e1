import type { IncomingHttpHeaders } from "node:http";
import { behaviourOf } from "../behaviour.ts";
import type { Answer, Call, Route } from "../provider.ts";
import { errorAnswer } from "./errors.ts";

export const costReportPath = "/v1/organizations/cost_report";
export const modelsPath = "/v1/models";

export const keyForms = [
  { form: "sk-ant-admin-sim-<account>", effect: "an organization with data" },
  { form: "sk-ant-admin-sim-<account>-revoked", effect: "401 everywhere" },
  { form: "sk-ant-admin-sim-<account>-forbidden", effect: "403 on cost_report, the rest works" },
  { form: "sk-ant-admin-sim-<account>-inference", effect: "like an inference key: models only, 401 elsewhere" },
  { form: "sk-ant-admin-sim-<account>-empty", effect: "workspaces and keys, but no usage and no money" },
  { form: "sk-ant-admin-sim-<account>-golden", effect: "the worked example of 2026-07-01, all other days empty" },
] as const;

const versions = ["2023-06-01", "2023-01-01"];

/** The `x-api-key` of a request. */
export function keyOf(headers: IncomingHttpHeaders): string | undefined {
  const key = headers["x-api-key"];
  return typeof key === "string" && key !== "" ? key : undefined;
}

/** The account of a simulator key, suffix included: two suffixes are two accounts. */
export function accountOf(key: string): string | undefined {
  return /^sk-ant-admin-sim-([A-Za-z0-9_-]{1,100})$/.exec(key)?.[1];
}

/** Anthropic's refusal of a call, or undefined when its key may use the route. */
export function refusal(call: Call, route: Route): Answer | undefined {
  if (keyOf(call.headers) === undefined) return errorAnswer(401, "x-api-key header is required");
  const behaviour = call.account === undefined ? "revoked" : behaviourOf(call.account);
  if (behaviour === "revoked" || (behaviour === "inference" && route.path !== modelsPath)) {
    return errorAnswer(401, "invalid x-api-key");
  }
  const version = call.headers["anthropic-version"];
  if (version === undefined) return errorAnswer(400, "anthropic-version: header is required");
  if (!versions.includes(String(version))) {
    return errorAnswer(400, `anthropic-version: "${String(version)}" is not a valid version`);
  }
  if (behaviour === "forbidden" && route.path === costReportPath) {
    return errorAnswer(403, "Your API key does not have permission to use the specified resource.");
  }
  return undefined;
}
