import type { Answer } from "../provider.ts";
import { Refusal } from "../refusal.ts";

/** What to throw while a query is read, for a 400 or 404 in OpenAI's words. */
export function refused(status: number, message: string, detail: { param?: string; code?: string } = {}): Refusal {
  return new Refusal(message, errorAnswer(status, message, detail));
}

/** An error as OpenAI writes it: `{error: {message, type, param, code}}` (reference/openai.md, Errors). */
export function errorAnswer(
  status: number,
  message: string,
  { param, code }: { param?: string; code?: string } = {},
): Answer {
  const type = typeOf(status);
  const error = { message, type, param: param ?? null, code: code ?? defaultCode(status) };
  return { status, headers: {}, body: { error } };
}

function typeOf(status: number): string {
  if (status === 429) return "requests";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

function defaultCode(status: number): string | null {
  if (status === 429) return "rate_limit_exceeded";
  return status === 401 ? "invalid_api_key" : null;
}
