import { isJsonObject } from "../json.ts";
import { type Answer, TextBody } from "../provider.ts";
import { Refusal } from "../refusal.ts";

const types: Readonly<Record<number, string>> = {
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error",
};

/** An error as Anthropic writes it: `{type: "error", error: {type, message}, request_id}` (reference/anthropic.md, Behaviour). */
export function errorAnswer(status: number, message: string): Answer {
  const type = types[status] ?? (status >= 500 ? "api_error" : "invalid_request_error");
  return { status, headers: {}, body: { type: "error", error: { type, message }, request_id: null } };
}

/** What to throw while a query is read, for a 400 that names the parameter. */
export function refused(parameter: string, problem: string): Refusal {
  const message = `${parameter}: ${problem}`;
  return new Refusal(message, errorAnswer(400, message));
}

/** Errors repeat the request's id of the header in their body. */
export function identify(answer: Answer, requestId: string): Answer {
  const { body } = answer;
  if (body instanceof TextBody || !isJsonObject(body) || body["type"] !== "error") return answer;
  return { ...answer, body: { ...body, request_id: `req_${requestId}` } };
}
