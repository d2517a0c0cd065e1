import { writeJson } from "../json.ts";
import { type Answer, type Provider, TextBody } from "../provider.ts";
import { type Fault, type FaultArgs, type FaultMode, numberArg, textArg } from "./fault.ts";

type AnswerFault = (args: FaultArgs, provider: Provider, answer: Answer) => Answer;

const page = "<!doctype html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>";

/**
 * Faults that replace the whole answer. Args: 429, 503 `retry_after` seconds (429: default 1) and `form` seconds, date, none, or a verbatim
 * `retry_after` text; redirect `location`.
 */
const answerFaults: Partial<Record<FaultMode, AnswerFault>> = {
  "429": (args, provider) => refused(provider, 429, "Rate limit reached.", retryAfter({ retry_after: 1, ...args })),
  "500": (_args, provider) => refused(provider, 500, "The server had an error while processing your request."),
  "502": () => ({
    status: 502,
    headers: {},
    body: new TextBody("text/html", "<html><body>502 Bad Gateway</body></html>"),
  }),
  "503": (args, provider) => refused(provider, 503, "The service is temporarily unavailable.", retryAfter(args)),
  "529": (_args, provider) => refused(provider, 529, "Overloaded."),
  "key-revoked-midway": (_args, provider) => refused(provider, 401, "Incorrect API key provided."),
  "html-200": () => ({ status: 200, headers: {}, body: new TextBody("text/html; charset=utf-8", page) }),
  "error-200": (_args, provider) => ({ ...provider.error(500, "The server had an error."), status: 200 }),
  "invalid-json": (_args, _provider, answer) => {
    const text = answer.body instanceof TextBody ? answer.body.text : writeJson(answer.body);
    return { ...answer, body: new TextBody("application/json", text.replace(":", "=")) };
  },
  // The default target is served here and logged, so that a client which follows is found out.
  redirect: (args, provider) => ({
    status: 302,
    headers: { location: textArg(args, "location") ?? `/${provider.name}/redirected` },
    body: new TextBody("text/plain", "Found"),
  }),
};

/** True for the faults of this file; they can strike every answer. */
export function isAnswerFault({ mode }: Fault): boolean {
  return answerFaults[mode] !== undefined;
}

/** The answer that is sent instead. */
export function applyAnswerFault({ mode, args }: Fault, provider: Provider, answer: Answer): Answer {
  return answerFaults[mode]?.(args, provider, answer) ?? answer;
}

function refused(provider: Provider, status: number, message: string, headers: Record<string, string> = {}): Answer {
  const answer = provider.error(status, message);
  return { ...answer, headers: { ...answer.headers, ...headers } };
}

/** Seconds or an HTTP date; the date is of the wall clock, because the client compares it with its own. */
function retryAfter(args: FaultArgs): Record<string, string> {
  const verbatim = textArg(args, "retry_after");
  if (verbatim !== undefined) return { "retry-after": verbatim };
  if (args["retry_after"] === undefined || args["form"] === "none") return {};
  const seconds = Math.ceil(numberArg(args, "retry_after", 1));
  const date = new Date(Date.now() + seconds * 1000).toUTCString();
  return { "retry-after": args["form"] === "date" ? date : String(seconds) };
}
