import { daysBetween, parseDay } from "./days.ts";
import { parseFault } from "./faults/fault.ts";
import { fromParsed, type Json } from "./json.ts";
import type { Provider } from "./provider.ts";
import { parseAdjustment, parseInstant, type Simulation } from "./simulation.ts";

/** A call below `/__sim`; the body is parsed JSON, undefined when empty. */
export interface ControlCall {
  readonly simulation: Simulation;
  readonly providers: readonly Provider[];
  readonly query: URLSearchParams;
  readonly body: unknown;
}

/** What may be asked of the simulator itself, by method and path; a throw is answered as 400 with its message. */
export const controls: Readonly<Record<string, (call: ControlCall) => Json>> = {
  "GET /__sim/health": health,
  "GET /__sim/truth": truth,
  "GET /__sim/requests": ({ simulation, query }) => {
    const filter = { provider: query.get("provider") ?? undefined, account: query.get("account") ?? undefined };
    return { requests: simulation.requests.list(filter).map((entry) => ({ ...entry })) };
  },
  "GET /__sim/faults": ({ simulation }) => ({ faults: simulation.faults.list().map(fromParsed) }),
  "PUT /__sim/faults": putFaults,
  "DELETE /__sim/faults": ({ simulation, query }) => {
    simulation.faults.clear({ id: query.get("id") ?? undefined, account: query.get("account") ?? undefined });
    return { faults: simulation.faults.list().map(fromParsed) };
  },
  "PUT /__sim/clock": ({ simulation, body }) => {
    const now = record(body)["now"];
    if (now !== null && typeof now !== "string")
      throw new Error("now must be an instant, or null for the system clock");
    simulation.holdClock(now === null ? undefined : parseInstant(now));
    return { now: simulation.now().toISOString() };
  },
  "PUT /__sim/adjust": ({ simulation, providers, body }) => {
    const adjustment = parseAdjustment(record(body));
    findProvider(providers, adjustment.provider);
    simulation.adjust(adjustment);
    return { adjusted: true };
  },
  "POST /__sim/reset": ({ simulation }) => {
    simulation.reset();
    return { reset: true };
  },
};

function health({ simulation, providers }: ControlCall): Json {
  const { seed, from, to, late, scenario } = simulation;
  const names = providers.map(({ name }) => name);
  return { status: "ok", seed, from, to, late, scenario, now: simulation.now().toISOString(), providers: names };
}

function truth({ simulation, providers, query }: ControlCall): Json {
  const provider = findProvider(providers, query.get("provider"));
  const account = query.get("account");
  const [from, to] = [query.get("from"), query.get("to")];
  if (account === null || from === null || to === null) throw new Error("provider, account, from and to are required");
  const days = daysBetween(parseDay(from), parseDay(to));
  if (days.length === 0 || days.length > 1000) throw new Error("from..to must be 1 to 1000 days, both included");
  const now = simulation.now().toISOString();
  const answer = provider.truth(simulation, account, days);
  return { provider: provider.name, account, from, to, now, truth: answer };
}

/** One fault is added to the others; an array replaces them all. */
function putFaults({ simulation, providers, body }: ControlCall): Json {
  const names = providers.map(({ name }) => name);
  const asked: unknown[] = Array.isArray(body) ? body : [body];
  const faults = asked.map((one) => parseFault(one, names));
  if (Array.isArray(body)) simulation.faults.clear();
  const added = faults.map((fault) => simulation.faults.add(fault));
  return { added: added.map(({ id }) => id), faults: simulation.faults.list().map(fromParsed) };
}

function findProvider(providers: readonly Provider[], name: string | null): Provider {
  const provider = providers.find((one) => one.name === name);
  if (provider === undefined) throw new Error(`provider must be one of ${providers.map((one) => one.name).join(", ")}`);
  return provider;
}

function record(body: unknown): Record<string, unknown> {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new Error("the body must be a JSON object");
  return body as Record<string, unknown>;
}
