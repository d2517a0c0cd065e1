import type { Static, TSchema } from "@sinclair/typebox";
import type { Access, Caller, OrgIdentity } from "#shared/access/caller.ts";
import type { SubscriptionPolicy } from "#shared/platform/topics/topics.ts";
import type { Change } from "./change.ts";
import type { Client } from "./client.ts";
import type { Given, PortName } from "./ports.ts";
import { nothing } from "./schema.ts";
import type { SubscriptionNeed } from "./subscription-gate.ts";

/** A verified, validated request. */
export interface HttpRequest<Params, Query, Body> {
  /** The verified organization: from the credential, or with the root key from the path. Access of kind `org` only. */
  org: OrgIdentity;
  caller: Caller;
  params: Params;
  query: Query;
  body: Body;
  /** The body's bytes where the declaration takes a file; else empty. */
  file: Buffer;
  requestId: string;
  client: Client;
  traceparent: string | undefined;
  /** Value of `X-User-ID`: a claim, never an identity. */
  claimedUser: string | undefined;
}

/** An answer whose status or headers are not the declared ones. */
export class Reply<T = unknown> {
  readonly status: number;
  readonly body: T;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: T, headers: Readonly<Record<string, string>> = {}) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

export type Answer<T> = T | Reply<T>;

/** What an operation in several steps is given: each `commit` is one transaction; the last one holds `conclude`. */
export interface Effects<T> {
  commit<R>(body: (change: Change) => Promise<R>): Promise<R>;
  /** Reads what `conclude` writes; before the first write of the transaction that concludes. */
  prepare(change: Change): Promise<void>;
  /** Writes audit row and idempotency record of this request into the transaction. */
  conclude(change: Change, answer: Answer<T>, details?: AuditDetails): void;
  /** The audit row alone, where the effect commits before the answer is known; `conclude` then `isAudited`. */
  audit(change: Change, details?: AuditDetails): void;
}

/** Overrides of the declared audit row, known only when the work is done. */
export interface AuditDetails {
  action?: string;
  resourceId?: string;
  org?: OrgIdentity;
  /** The person who acts, where the request's credential does not name one: a sign-in. */
  userId?: string;
  details?: Record<string, unknown>;
  /** Nothing had to be changed, or `audit` has written the row: none is written here. */
  isAudited?: boolean;
}

export interface AuditDeclaration<Request> {
  /** `noun.verb_past`. */
  action: string;
  operation: "CREATE" | "UPDATE" | "DELETE" | "EXECUTE" | "ROTATE" | "READ";
  resourceType: string;
  resourceId?: (request: Request) => string;
}

/** An exact limit over all instances, in fixed UTC windows (`organizations.md` 10). */
export interface ExactLimit<Body = unknown> {
  /** Functions that give a limit the same name share its count; without one each counts for itself. */
  name?: string;
  /**
   * Whose calls count together: the organization's (or, where there is none, the credential's), those from one network
   * address, or those with the same text, of a body that is valid: such a limit is checked after the body.
   */
  per: "organization" | "address" | ((body: Body) => string);
  times: number;
  windowSeconds: number;
}

/** Names of the parameters in a path template. */
export type ParamsOf<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? { [Key in (Name extends `${infer Whole}=**` ? Whole : Name) | keyof ParamsOf<Rest>]: string }
  : Record<never, string>;

export interface HttpDeclaration<
  Path extends string,
  Query extends TSchema,
  Body extends TSchema,
  Response extends TSchema,
  Uses extends PortName,
> {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: Path;
  /** Takes every method and any query: only for what answers where no other function does. */
  anyMethod?: boolean;
  /** Further paths of older clients, with the same parameters. */
  aliases?: readonly string[];
  summary: string;
  access: Access;
  uses: readonly Uses[];
  query?: Query;
  body?: Body;
  /** The JSON body may be larger than the usual 1 MiB. */
  bodyBytes?: number;
  /** The body is a file taken as it comes, up to this size, in place of JSON. */
  fileBody?: { maximumBytes: number };
  response: Response;
  /** Success statuses; the first is the default. */
  statuses?: readonly number[];
  /** Codes beyond the common ones, for the OpenAPI document. */
  errors?: readonly string[];
  /** The answer holds a secret: its stored copy is sealed. */
  secretAnswer?: boolean;
  /** Exact limit per organization (or root key) and minute. */
  perMinute?: number;
  /** Further exact limits; a call too many for one of them counts in none of those that are checked with it. */
  limits?: readonly ExactLimit<Static<Body>>[];
  /** Default: `readable` for a GET that handles, `running` for everything else. The root key is above it. */
  subscription?: SubscriptionNeed;
  /** The operator reaches a deleted organization too. */
  takesDeleted?: boolean;
  /** The operator reaches the platform's own by the word `platform` in place of an organization. */
  takesPlatform?: boolean;
  /** Refuses what the path alone tells, before anything else of an admitted request is looked at. */
  admitPath?: (request: Pick<HttpRequest<ParamsOf<Path>, unknown, unknown>, "org" | "params">) => Promise<void>;
  /** Answers that are not JSON (`/metrics`). */
  contentType?: string;
  audit?: AuditDeclaration<HttpRequest<ParamsOf<Path>, Static<Query>, Static<Body>>>;
  handle?: (
    request: HttpRequest<ParamsOf<Path>, Static<Query>, Static<Body>>,
    given: Given<Uses>,
  ) => Promise<Answer<Static<Response>>>;
  change?: (
    request: HttpRequest<ParamsOf<Path>, Static<Query>, Static<Body>>,
    change: Change,
    given: Given<Uses>,
  ) => Promise<Answer<Static<Response>>>;
  steps?: (
    request: HttpRequest<ParamsOf<Path>, Static<Query>, Static<Body>>,
    effects: Effects<Static<Response>>,
    given: Given<Uses>,
  ) => Promise<Answer<Static<Response>>>;
  memory?: Memory;
  timeoutSeconds?: number;
  concurrency?: number;
  minInstances?: number;
}

type Memory = "256MiB" | "512MiB" | "1GiB" | "2GiB" | "4GiB";

/** A declaration as the runtime handles it, its types forgotten. */
export type AnyHttpDeclaration = HttpDeclaration<string, TSchema, TSchema, TSchema, PortName>;

export interface HttpFunction {
  kind: "http";
  declaration: AnyHttpDeclaration;
}

export interface TopicMessage<Payload> {
  payload: Payload;
  attributes: Readonly<Record<string, string>>;
  messageId: string;
  deliveryAttempt: number;
}

export interface TopicDeclaration<Message extends TSchema, Uses extends PortName> {
  topic: string;
  message: Message;
  uses: readonly Uses[];
  policy?: Partial<SubscriptionPolicy>;
  handle: (message: TopicMessage<Static<Message>>, given: Given<Uses>) => Promise<void>;
  memory?: Memory;
  timeoutSeconds?: number;
  concurrency?: number;
}

export interface TopicFunction {
  kind: "topic";
  declaration: TopicDeclaration<TSchema, PortName>;
}

export interface ScheduledDeclaration<Uses extends PortName> {
  /** Five fields, UTC. */
  cron: string;
  uses: readonly Uses[];
  handle: (tick: { at: Date }, given: Given<Uses>) => Promise<void>;
  memory?: Memory;
  timeoutSeconds?: number;
}

export interface ScheduledFunction {
  kind: "scheduled";
  declaration: ScheduledDeclaration<PortName>;
}

export type AnyFunction = HttpFunction | TopicFunction | ScheduledFunction;

/** Declares an endpoint. Exactly one of `handle` (reads), `change` (one transaction) and `steps` (several) does the work. */
export function httpFunction<
  const Path extends string,
  Query extends TSchema,
  Body extends TSchema,
  Response extends TSchema,
  const Uses extends PortName,
>(declaration: HttpDeclaration<Path, Query, Body, Response, Uses>): HttpFunction {
  // The type asks for it too; a declaration that slipped past the type must not become an open door.
  if ((declaration.access as Access | undefined) === undefined)
    throw new Error(`${declaration.method} ${declaration.path}: declare who may call it`);
  const ways = [declaration.handle, declaration.change, declaration.steps].filter((way) => way !== undefined);
  if (ways.length !== 1)
    throw new Error(`${declaration.method} ${declaration.path}: declare exactly one of handle, change, steps`);
  if (declaration.handle === undefined && declaration.audit === undefined) {
    throw new Error(`${declaration.method} ${declaration.path}: what changes something declares its audit row`);
  }
  return { kind: "http", declaration: declaration as unknown as AnyHttpDeclaration };
}

/** Declares what is done with the messages of one topic. */
export function topicFunction<Message extends TSchema, const Uses extends PortName>(
  declaration: TopicDeclaration<Message, Uses>,
): TopicFunction {
  return { kind: "topic", declaration: declaration as unknown as TopicDeclaration<TSchema, PortName> };
}

/** Declares what the clock starts. Cloud Scheduler (or the local host) publishes to the topic `tick-<function name>`. */
export function scheduledFunction<const Uses extends PortName>(
  declaration: ScheduledDeclaration<Uses>,
): ScheduledFunction {
  return { kind: "scheduled", declaration: declaration as unknown as ScheduledDeclaration<PortName> };
}

/** The ports a function's bundle holds: those it names, and the document store where a credential has to be looked up. */
export function portsOf(fn: AnyFunction): PortName[] {
  const named = new Set<PortName>(fn.declaration.uses);
  if (fn.kind === "http" && (fn.declaration.access.kind !== "public" || fn.declaration.limits !== undefined))
    named.add("documents");
  if (fn.kind === "http" && fn.declaration.handle === undefined) {
    named.add("documents");
    named.add("topics");
  }
  // A message that cannot be read is handed to the topic `dead-letter`.
  if (fn.kind === "topic") named.add("topics");
  // When it was done last is noted.
  if (fn.kind === "scheduled") named.add("documents");
  return [...named].sort();
}

/** The schemas that what is sent to a function is checked with, by the part of a request that they describe. */
export function requestSchemas(fn: AnyFunction): Record<string, TSchema> {
  if (fn.kind === "scheduled") return {};
  if (fn.kind === "topic") return { message: fn.declaration.message };
  const { query = nothing, body = nothing } = fn.declaration;
  return { query, body };
}

/** How every subscription of ours behaves unless its function says otherwise (`pipelines.md` 7). */
export const defaultSubscriptionPolicy: SubscriptionPolicy = {
  ackDeadlineSeconds: 600,
  minimumBackoffSeconds: 10,
  maximumBackoffSeconds: 600,
  maximumDeliveries: 10,
};

/** The topic that feeds the function; undefined for an endpoint. */
export function topicOf(name: string, fn: AnyFunction): string | undefined {
  if (fn.kind === "http") return undefined;
  return fn.kind === "topic" ? fn.declaration.topic : `tick-${name}`;
}
