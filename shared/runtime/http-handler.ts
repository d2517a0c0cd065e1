import type { ServerResponse } from "node:http";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { noteKeyUse } from "#shared/access/key-use.ts";
import type { OrgAccessDocument } from "#shared/access/membership.ts";
import { orgKeyOf } from "#shared/access/org-slug.ts";
import { platformScope } from "#shared/access/platform-scope.ts";
import { authorize, idempotencySecretOf, placeCaller, verifyCaller } from "#shared/access/verify.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type Admission, admitBody, admitRequest } from "./admission.ts";
import { type Client, clientOf, presentedOf } from "./client.ts";
import { corsOrigins, isDevelopment } from "./config.ts";
import type { AnyHttpDeclaration, HttpFunction, HttpRequest } from "./declaration.ts";
import { recordDenial } from "./denial.ts";
import { AppError } from "./errors.ts";
import { httpStatusOf } from "./http-status.ts";
import { operate } from "./operation.ts";
import { type PathMatch, pathMatcher } from "./path-matcher.ts";
import type { Given, PortName } from "./ports.ts";
import { type InstanceLimits, instanceLimits, type RateState, rateHeaders, refuseExceeded } from "./rate-limits.ts";
import {
  bodyLimitBytes,
  type FrameworkRequest,
  header,
  jsonBody,
  type RawRequest,
  rawRequestOf,
  refuseEncoded,
  refuseOversized,
  requestIdOf,
  traceparentOf,
} from "./request.ts";
import { type RequestRate, requestRate } from "./request-rate.ts";
import { errorOutcome, type Outcome, respond } from "./respond.ts";
import { nothing, validBody, validQuery } from "./schema.ts";
import { methodNotAllowed, methodsAt, nothingHere } from "./unmatched.ts";

export type NodeHandler = (request: FrameworkRequest, response: ServerResponse) => Promise<void>;

type AnyRequest = HttpRequest<Record<string, string>, unknown, unknown>;
type AnyGiven = Given<PortName>;

/** Everything about one request that outlives its stages. */
interface Passage {
  raw: RawRequest;
  client: Client;
  requestId: string;
  caller: Caller | undefined;
  org: OrgIdentity | undefined;
  rate: RateState | undefined;
  /** Done while the request is worked on; the answer waits for it, whatever comes of it. */
  beside: Promise<void>[];
}

/** One endpoint as functions-framework calls it: verify, limit, validate, do, answer; nothing runs after the answer. */
export function httpHandler(name: string, fn: HttpFunction, given: AnyGiven): NodeHandler {
  const matchPath = pathMatcher(fn.declaration);
  const rates = requestRate();
  const limits = instanceLimits();
  return async (request, response) => {
    const startedAt = performance.now();
    const raw = rawRequestOf(request);
    const passage: Passage = {
      raw,
      client: clientOf(raw, given.config),
      requestId: requestIdOf(raw.headers, given.ids),
      caller: undefined,
      org: undefined,
      rate: undefined,
      beside: [],
    };
    const stage = { name, matchPath, limits, rates, given };
    const outcome = await answerTo(fn.declaration, passage, stage).catch((error: unknown) => {
      recordRefusal(error, fn.declaration, passage, stage);
      return errorOutcome(error, passage.requestId, given.log);
    });
    await Promise.all(passage.beside);
    const seconds = (performance.now() - startedAt) / 1000;
    given.metrics.count("ca_requests_total", { function: name, status: String(outcome.status) });
    given.metrics.observe("ca_request_seconds", { function: name }, seconds);
    given.log.info(
      {
        request_id: passage.requestId,
        function: name,
        org: passage.org?.key,
        status: outcome.status,
        duration_ms: Math.round(seconds * 1000),
        credential: passage.caller?.kind,
      },
      "request",
    );
    respond(response, withRate(outcome, passage.rate), {
      requestId: passage.requestId,
      origin: header(raw.headers, "origin"),
      config: given.config,
      isHead: raw.method === "HEAD",
    });
  };
}

interface Stage {
  name: string;
  matchPath: (path: string) => PathMatch | undefined;
  limits: InstanceLimits;
  rates: RequestRate;
  given: AnyGiven;
}

/** Work whose failure is no reason to fail the request. */
function beside(work: Promise<void> | undefined, passage: Passage, given: AnyGiven): void {
  if (work === undefined) return;
  const kept = work.catch((error: unknown) => given.log.warn({ request_id: passage.requestId, err: error }, "beside"));
  passage.beside.push(kept);
}

/** When a key was last used is kept beside the request, since nothing runs after its answer. */
function noteUse({ caller, client, raw }: Passage, given: AnyGiven): Promise<void> | undefined {
  const { apiKey } = presentedOf(raw, client);
  return caller?.kind === "key" && apiKey !== undefined ? noteKeyUse(apiKey, given) : undefined;
}

/** A known credential that is told 403 leaves an audit row. */
function recordRefusal(error: unknown, declaration: AnyHttpDeclaration, passage: Passage, stage: Stage): void {
  const { caller, org, client, requestId } = passage;
  if (!(error instanceof AppError) || httpStatusOf(error.code) !== 403) return;
  if (caller === undefined || caller.kind === "public") return;
  const { code, message } = error;
  const denial = { functionName: stage.name, declaration, code, message, caller, org, client, requestId };
  beside(recordDenial(denial, stage.given), passage, stage.given);
}

async function answerTo(declaration: AnyHttpDeclaration, passage: Passage, stage: Stage): Promise<Outcome> {
  const { raw } = passage;
  const { given } = stage;
  if (raw.method === "OPTIONS") return preflight(raw, declaration, given);
  const isTaken = declaration.anyMethod || declaration.method === (raw.method === "HEAD" ? "GET" : raw.method);
  if (!isTaken) throw methodNotAllowed([declaration.method]);
  const match = stage.matchPath(raw.path);
  if (match === undefined) throw nothingHere();
  refuseOversized(raw, declaration.fileBody?.maximumBytes ?? declaration.bodyBytes ?? bodyLimitBytes);
  passage.caller = await verifiedCaller(declaration, passage, stage);
  beside(noteUse(passage, given), passage, given);
  passage.caller = await placeCaller(passage.caller, declaration.access, match.params["org"], given);
  authorize(passage.caller, declaration.access);
  // Where no path names an organization the operator acts for all of them.
  const isForAll = passage.caller.kind === "root" && match.params["org"] === undefined;
  if (declaration.access.kind === "org" && !isForAll)
    passage.org = await organizationOf(passage.caller, match.params["org"], declaration, given);
  const admission = admissionOf(declaration, passage, stage);
  await admitRequest(admission);
  await declaration.admitPath?.({ org: passage.org as OrgIdentity, params: match.params });
  const request = await validRequest(declaration, passage, match.params);
  await admitBody(admission, request.body);
  const secret = idempotencySecretOf(presentedOf(raw, passage.client));
  return operate(declaration, request, { functionName: stage.name, raw, secret, given });
}

async function verifiedCaller(declaration: AnyHttpDeclaration, passage: Passage, stage: Stage): Promise<Caller> {
  const { raw, client } = passage;
  const { given } = stage;
  try {
    return await verifyCaller(presentedOf(raw, client), declaration.access, {
      documents: given.documents,
      clock: given.clock,
      rootKey: given.config.CA_ROOT_API_KEY,
      isDevelopment: isDevelopment(given.config),
    });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "UNAUTHENTICATED") throw error;
    if (given.config.RATE_LIMIT_ENABLED !== "true") throw error;
    passage.rate = await stage.limits.countFailedCredential(client.address, given.clock.now());
    refuseExceeded(passage.rate);
    throw error;
  }
}

async function organizationOf(
  caller: Caller,
  slug: string | undefined,
  { takesDeleted = false, takesPlatform = false }: Pick<AnyHttpDeclaration, "takesDeleted" | "takesPlatform">,
  given: { documents: Documents },
): Promise<OrgIdentity> {
  if (caller.kind === "key" || caller.kind === "member") return caller.org;
  const key = slug === undefined ? undefined : orgKeyOf(slug);
  if (key === undefined) throw orgNotFound();
  if (takesPlatform && key === platformScope.key) return platformScope;
  const { body } = await given.documents.get<OrgAccessDocument>(`orgs/${key}`);
  const isThere = body?.state === "ACTIVE" || (takesDeleted && body?.state === "DELETED");
  if (body === undefined || !isThere) throw orgNotFound();
  return { slug: body.slug, key, orgId: body.orgId };
}

function orgNotFound(): AppError {
  return new AppError("ORG_NOT_FOUND", "There is no such organization.");
}

function admissionOf(declaration: AnyHttpDeclaration, passage: Passage, stage: Stage): Admission {
  const { given, rates } = stage;
  return {
    declaration,
    caller: passage.caller as Caller,
    org: passage.org,
    address: passage.client.address,
    requestRate: rates,
    given,
    counted: (rate) => {
      passage.rate = rate;
    },
    beside: (work) => beside(work, passage, given),
  };
}

async function validRequest(
  declaration: AnyHttpDeclaration,
  passage: Passage,
  params: Record<string, string>,
): Promise<AnyRequest> {
  const { raw } = passage;
  const query: unknown = declaration.anyMethod ? {} : await validQuery(declaration.query ?? nothing, raw.query);
  const isFile = declaration.fileBody !== undefined;
  if (isFile) refuseEncoded(raw);
  const parsed = declaration.method === "GET" || isFile ? undefined : jsonBody(raw);
  const body: unknown =
    declaration.method === "GET"
      ? {}
      : await validBody(declaration.body ?? nothing, parsed === undefined ? {} : parsed);
  return {
    org: passage.org as OrgIdentity,
    caller: passage.caller as Caller,
    params,
    query,
    body,
    file: isFile ? raw.rawBody : Buffer.alloc(0),
    requestId: passage.requestId,
    traceparent: traceparentOf(raw.headers),
    client: passage.client,
    claimedUser: header(raw.headers, "x-user-id")?.slice(0, 100),
  };
}

async function preflight(raw: RawRequest, declaration: AnyHttpDeclaration, given: AnyGiven): Promise<Outcome> {
  const methods = declaration.anyMethod ? await methodsAt(raw.path, given.catalogue) : [declaration.method];
  if (methods.length === 0) throw nothingHere();
  const origin = header(raw.headers, "origin");
  const isAllowed = origin !== undefined && corsOrigins(given.config).includes(origin);
  const headers: Record<string, string> = isAllowed
    ? {
        "access-control-allow-methods": methods.join(", "),
        "access-control-allow-headers":
          "Content-Type, X-API-Key, Authorization, Idempotency-Key, X-CSRF-Token, X-Request-ID",
        "access-control-max-age": "600",
      }
    : {};
  return { status: 204, headers: { ...headers, allow: [...methods, "OPTIONS"].join(", ") }, body: undefined };
}

function withRate(outcome: Outcome, rate: RateState | undefined): Outcome {
  const allow = (outcome.body as { allow?: string[] } | undefined)?.allow;
  const headers = { ...outcome.headers };
  if (outcome.status === 405 && allow !== undefined) headers["allow"] = allow.join(", ");
  return { ...outcome, headers: rate === undefined ? headers : { ...headers, ...rateHeaders(rate) } };
}
