import type { IncomingMessage, ServerResponse } from "node:http";
import { hexId } from "./draw.ts";
import { applyAnswerFault, isAnswerFault } from "./faults/answer-faults.ts";
import type { Fault } from "./faults/fault.ts";
import { applyFieldFault, isFieldFault } from "./faults/field-faults.ts";
import { applyPageFault, isPageFault } from "./faults/page-faults.ts";
import { isWireFault, sendWithFault } from "./faults/wire-faults.ts";
import { type Answer, type Call, matchRoute, type Provider } from "./provider.ts";
import { Refusal } from "./refusal.ts";
import { fingerprint } from "./request-log.ts";
import type { Simulation } from "./simulation.ts";
import { encode, send } from "./wire.ts";

/** A request to a provider, its path split into the provider's base and the rest. */
interface ProviderRequest {
  readonly provider: Provider;
  readonly path: string;
  readonly url: URL;
}

let answered = 0;

/** Answers a request to a simulated provider: the honest answer, changed by at most one fault, and a line in the request log. */
export async function answerProvider(
  simulation: Simulation,
  { provider, path, url }: ProviderRequest,
  [request, response]: [IncomingMessage, ServerResponse],
): Promise<void> {
  const key = provider.keyOf(request.headers);
  const account = key === undefined ? undefined : provider.accountOf(key);
  const method = request.method ?? "GET";
  const call: Call = { simulation, method, path, query: url.searchParams, headers: request.headers, account };
  const honest = honestAnswer(provider, call);
  const target = { provider: provider.name, path, account };
  const fault = simulation.faults.strike(target, (one) => applies(one, honest));
  const changed = fault === undefined ? honest : apply(fault, provider, honest);
  answered += 1;
  const requestId = hexId(32, "request", answered, path);
  const headers = { ...provider.headers(call, requestId), ...changed.headers };
  const wire = encode({ ...(provider.identify?.(changed, requestId) ?? changed), headers }, request);
  simulation.requests.add({
    time: new Date().toISOString(),
    provider: provider.name,
    method,
    path,
    query: url.search.slice(1),
    key: key === undefined ? null : fingerprint(key),
    account: account ?? null,
    status: wire.status,
    fault: fault?.mode ?? null,
  });
  if (fault !== undefined && isWireFault(fault)) await sendWithFault(response, wire, fault);
  else send(response, wire);
}

function honestAnswer(provider: Provider, call: Call): Answer {
  const match = matchRoute(provider.routes, call.path);
  if (match === undefined) return provider.error(404, `Invalid URL (${call.method} ${call.path})`);
  if (call.method !== "GET") return provider.error(405, `Not allowed to ${call.method} on ${call.path}.`);
  const refusal = provider.refusal(call, match.route);
  if (refusal !== undefined) return refusal;
  if (call.account === undefined) throw new Error(`${provider.name} let a call without an account pass`);
  try {
    return match.route.answer({ ...call, account: call.account, params: match.params });
  } catch (error) {
    if (error instanceof Refusal) return error.answer;
    throw error;
  }
}

function applies(fault: Fault, answer: Answer): boolean {
  return isAnswerFault(fault) || isWireFault(fault) || isPageFault(fault, answer) || isFieldFault(fault, answer);
}

function apply(fault: Fault, provider: Provider, answer: Answer): Answer {
  if (isAnswerFault(fault)) return applyAnswerFault(fault, provider, answer);
  if (isPageFault(fault, answer)) return applyPageFault(fault, answer);
  return isFieldFault(fault, answer) ? applyFieldFault(fault, answer) : answer;
}
