import {
  badResponse,
  type CallFailure,
  type FailureFacts,
  statusFailure,
  timedOut,
  tooLarge,
  unreachable,
} from "./call-failure.ts";
import type { CallAnswer, NoAnswer } from "./http-call.ts";
import { type ProviderJson, providerJson } from "./provider-json.ts";
import { errorWords, scrubbedText } from "./provider-text.ts";
import { retryAfterSeconds } from "./retry-after.ts";

/** A 2xx answer with its body. */
export interface ProviderAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  /** Parsed by `providerJson`: numbers are literals; where text is read, the text. */
  body: unknown;
}

export interface Judging {
  provider: string;
  secrets: readonly string[];
  reads: "json" | "text";
  nowMs: number;
}

/** What came back from one call: an answer, or the failure it stands for. */
export function judge(
  answer: CallAnswer | NoAnswer,
  { provider, secrets, reads, nowMs }: Judging,
): ProviderAnswer | CallFailure {
  const facts: FailureFacts = { provider, status: null, words: "", retryAfterSeconds: undefined };
  if ("lost" in answer) return answer.lost === "timeout" ? timedOut(facts) : unreachable(facts, answer.cause);
  const { status, headers, body } = answer;
  facts.status = status;
  facts.retryAfterSeconds = retryAfterSeconds(headers["retry-after"], nowMs);
  const parsed = Buffer.isBuffer(body) ? bodyAs(reads, body) : undefined;
  const value = parsed && "value" in parsed ? parsed.value : undefined;
  const { message, code } = errorWords(value);
  facts.words = scrubbedText(message, secrets, 200);
  if (status < 200 || status > 299) return statusFailure({ ...facts, status, errorCode: code });
  if (body === "timeout" || body === "too_slow") return timedOut(facts);
  if (body === "too_large") return tooLarge(facts);
  if (body === "cut") return badResponse("sent a body that is cut off", facts, true);
  if (body === "encoding") return badResponse("sent a body in an unknown encoding", facts, false);
  if (!parsed || "fault" in parsed) {
    return parsed?.fault === "cut"
      ? badResponse("sent a body that is cut off", facts, true)
      : badResponse("did not answer with JSON", facts, false);
  }
  if (isErrorBody(value)) return badResponse("answered with an error in a successful answer", facts, false);
  return { status, headers, body: value };
}

function bodyAs(reads: Judging["reads"], body: Buffer): ProviderJson {
  return reads === "text" ? { value: body.toString("utf8") } : providerJson(body);
}

function isErrorBody(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("error" in value)) return false;
  return typeof value.error === "string" || (typeof value.error === "object" && value.error !== null);
}
