import type { IncomingHttpHeaders } from "node:http";
import type { Json } from "./json.ts";
import type { Simulation } from "./simulation.ts";

/** A request below a provider's base path. */
export interface Call {
  readonly simulation: Simulation;
  readonly method: string;
  /** Without the provider's base: `/v1/models`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The account that the key names; undefined without a key of the simulator's form. */
  readonly account: string | undefined;
}

/** A call that was authorised and matched a route; `params` holds the `{name}` parts of its path. */
export interface AuthorizedCall extends Call {
  readonly account: string;
  readonly params: Readonly<Record<string, string>>;
}

/** A body that is not JSON. */
export class TextBody {
  readonly contentType: string;
  readonly text: string;

  constructor(contentType: string, text: string) {
    this.contentType = contentType;
    this.text = text;
  }
}

/** How faults make cursors for pages of shape `{data: [{results}], has_more, next_page}` without knowing a provider's cursor. */
export interface BucketPages {
  /** The cursor this page was asked with. */
  readonly asked: string | undefined;
  /** A fresh cursor that continues with bucket `index` of this page (its length: the bucket after), `skip` results into it. */
  cursor(index: number, skip: number): string;
}

/** Where faults find the fields of an answer; dotted paths from the root, `*` = every element. */
export interface FaultFields {
  /** What a client cannot do without. */
  readonly main: string;
  readonly money?: string;
  readonly currency?: string;
  /** A text from a closed or half-open list. */
  readonly enumeration?: string;
  /** Starts and ends of buckets. */
  readonly times?: readonly string[];
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Json | TextBody;
  readonly pages?: BucketPages;
  readonly fields?: FaultFields;
}

export interface Route {
  /** Template below the base: `/v1/organization/projects/{id}/api_keys`. */
  readonly path: string;
  /** May throw a Refusal. */
  answer(call: AuthorizedCall): Answer;
}

/**
 * One simulated vendor. To add one: a sibling room of `openai/` that exports a Provider, and its line in `providers.ts`.
 * Answers must be pure functions of the call and the simulation's options, clock and adjustments.
 */
export interface Provider {
  /** First segment of every path, as the product's registry spells it. */
  readonly name: string;
  /** Letters an account needs at least, so that its key passes the product's shape check (providers.md 1.9). */
  readonly shortestAccount: number;
  /** A call worth trying first, for `--help`: path with its query below the base, and header lines. */
  readonly sample: { readonly path: string; readonly headers: readonly string[] };
  /** Key forms and what each does, for `--help`. */
  readonly keyForms: readonly { form: string; effect: string }[];
  readonly routes: readonly Route[];
  /** The key of a request, wherever this vendor carries it. */
  keyOf(headers: IncomingHttpHeaders): string | undefined;
  /** The account that a key names; undefined for keys that are not the simulator's. */
  accountOf(key: string): string | undefined;
  /** The vendor's refusal of this call, or undefined when the key may use the route. */
  refusal(call: Call, route: Route): Answer | undefined;
  /** Headers that every answer carries; `requestId` is new for each. */
  headers(call: Call, requestId: string): Record<string, string>;
  /** Writes the request's id into a body, where this vendor does that too. */
  identify?(answer: Answer, requestId: string): Answer;
  /** An error in the vendor's own shape; `message` is free text. */
  error(status: number, message: string): Answer;
  /** What the account really used and owes, per day, exact: the answer tests compare with. Days are UTC day numbers. */
  truth(simulation: Simulation, account: string, days: readonly number[]): Json;
}

/** The route whose template fits the path, with the values of its `{name}` parts. */
export function matchRoute(
  routes: readonly Route[],
  path: string,
): { route: Route; params: Record<string, string> } | undefined {
  for (const route of routes) {
    const params = matchTemplate(route.path.split("/"), path.split("/"));
    if (params !== undefined) return { route, params };
  }
  return undefined;
}

function matchTemplate(template: string[], segments: string[]): Record<string, string> | undefined {
  if (template.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of template.entries()) {
    const segment = segments[index] ?? "";
    if (part.startsWith("{")) params[part.slice(1, -1)] = segment;
    else if (part !== segment) return undefined;
  }
  return params;
}
