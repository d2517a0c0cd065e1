import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { TSchema } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { orgKeyOf } from "#shared/access/org-slug.ts";
import {
  authorize,
  type OrgAccessDocument,
  orgMismatch,
  unauthenticated,
  verifyCaller,
} from "#shared/access/verify.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { corsOrigins, isDevelopment } from "./config.ts";
import type { Answer, AnyHttpDeclaration, HttpFunction, HttpRequest } from "./declaration.ts";
import { effectsOf } from "./effects.ts";
import { AppError } from "./errors.ts";
import { abandonUse, beginUse, idempotencyKey, type KeyUse, keyUse } from "./idempotency.ts";
import { type PathMatch, pathMatcher } from "./path-matcher.ts";
import type { Given, PortName } from "./ports.ts";
import {
  countExactly,
  type InstanceLimits,
  instanceLimits,
  type RateState,
  rateHeaders,
  refuseExceeded,
} from "./rate-limits.ts";
import {
  bodyLimitBytes,
  bodyText,
  clientAddress,
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
import { errorOutcome, type Outcome, outcomeOf, respond } from "./respond.ts";
import { responseProblems, strictObject, validBody, validQuery } from "./schema.ts";
import { methodNotAllowed, methodsAt, nothingHere } from "./unmatched.ts";

export type NodeHandler = (request: FrameworkRequest, response: ServerResponse) => Promise<void>;

type AnyRequest = HttpRequest<Record<string, string>, unknown, unknown>;
type AnyGiven = Given<PortName>;

const nothing: TSchema = strictObject({});

/** Everything about one request that outlives its stages. */
interface Passage {
  raw: RawRequest;
  requestId: string;
  caller: Caller | undefined;
  org: OrgIdentity | undefined;
  rate: RateState | undefined;
}

/** One endpoint as functions-framework calls it: verify, limit, validate, do, answer; nothing runs after the answer. */
export function httpHandler(name: string, fn: HttpFunction, given: AnyGiven): NodeHandler {
  const matchPath = pathMatcher(fn.declaration);
  let limits: Promise<InstanceLimits> | undefined;
  return async (request, response) => {
    const startedAt = performance.now();
    const raw = rawRequestOf(request);
    const passage: Passage = {
      raw,
      requestId: requestIdOf(raw.headers, given.ids),
      caller: undefined,
      org: undefined,
      rate: undefined,
    };
    limits ??= instanceLimits();
    const outcome = await answerTo(fn.declaration, passage, { matchPath, limits: await limits, given }).catch(
      (error: unknown) => errorOutcome(error, passage.requestId, given.log),
    );
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
  matchPath: (path: string) => PathMatch | undefined;
  limits: InstanceLimits;
  given: AnyGiven;
}

async function answerTo(declaration: AnyHttpDeclaration, passage: Passage, stage: Stage): Promise<Outcome> {
  const { raw } = passage;
  const { given } = stage;
  if (raw.method === "OPTIONS") return preflight(raw, declaration, given);
  const isTaken = declaration.anyMethod || declaration.method === (raw.method === "HEAD" ? "GET" : raw.method);
  if (!isTaken) throw methodNotAllowed([declaration.method]);
  const match = stage.matchPath(raw.path);
  if (match === undefined) throw nothingHere();
  refuseOversized(raw, declaration.fileBody?.maximumBytes ?? bodyLimitBytes);
  passage.caller = await verifiedCaller(declaration, passage, stage);
  authorizeAndPlace(declaration, passage, match);
  if (declaration.access.kind === "org") passage.org = await organizationOf(passage.caller, match.params["org"], given);
  await countRequest(declaration, passage, stage);
  const request = await validRequest(declaration, passage, match.params);
  return run(declaration, request, passage, given);
}

async function verifiedCaller(declaration: AnyHttpDeclaration, passage: Passage, stage: Stage): Promise<Caller> {
  const { raw } = passage;
  const { given } = stage;
  try {
    return await verifyCaller(presented(raw), declaration.access, {
      documents: given.documents,
      clock: given.clock,
      rootKey: given.config.CA_ROOT_API_KEY,
      isDevelopment: isDevelopment(given.config),
    });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "UNAUTHENTICATED") throw error;
    if (given.config.RATE_LIMIT_ENABLED !== "true") throw error;
    const address = clientAddress(raw, given.config.TRUSTED_PROXY_HOPS);
    passage.rate = await stage.limits.countFailedCredential(address);
    refuseExceeded(passage.rate);
    throw error;
  }
}

function presented(raw: RawRequest): { rootKey: string | undefined; apiKey: string | undefined } {
  const rootKey = raw.headers["x-ca-root-key"];
  const apiKey = raw.headers["x-api-key"];
  if (Array.isArray(rootKey) || Array.isArray(apiKey)) throw unauthenticated();
  return { rootKey, apiKey };
}

/** Before anything of the organization is read: another organization's address is refused without a look at it. */
function authorizeAndPlace(declaration: AnyHttpDeclaration, passage: Passage, match: PathMatch): void {
  const caller = passage.caller as Caller;
  const asked = match.params["org"];
  if (
    declaration.access.kind === "org" &&
    caller.kind === "key" &&
    asked !== undefined &&
    asked.toLowerCase() !== caller.org.key
  )
    throw orgMismatch();
  authorize(caller, declaration.access);
}

async function organizationOf(
  caller: Caller,
  slug: string | undefined,
  given: { documents: Documents },
): Promise<OrgIdentity> {
  if (caller.kind === "key") return caller.org;
  const key = slug === undefined ? undefined : orgKeyOf(slug);
  if (key === undefined) throw orgNotFound();
  const { body } = await given.documents.get<OrgAccessDocument>(`orgs/${key}`);
  if (body === undefined || body.state !== "ACTIVE") throw orgNotFound();
  return { slug: body.slug, key, orgId: body.orgId };
}

function orgNotFound(): AppError {
  return new AppError("ORG_NOT_FOUND", "There is no such organization.");
}

async function countRequest(declaration: AnyHttpDeclaration, passage: Passage, stage: Stage): Promise<void> {
  const caller = passage.caller as Caller;
  if (stage.given.config.RATE_LIMIT_ENABLED !== "true" || caller.kind === "public") return;
  const holder = passage.org?.key ?? caller.credentialId;
  if (caller.kind === "key") {
    passage.rate = await stage.limits.countRequest(holder);
    refuseExceeded(passage.rate);
  }
  if (declaration.perMinute === undefined) return;
  const scope = `${declaration.method} ${declaration.path} ${holder}`;
  passage.rate = await countExactly(scope, declaration.perMinute, stage.given.documents);
  refuseExceeded(passage.rate);
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
    claimedUser: header(raw.headers, "x-user-id")?.slice(0, 100),
  };
}

async function run(
  declaration: AnyHttpDeclaration,
  request: AnyRequest,
  passage: Passage,
  given: AnyGiven,
): Promise<Outcome> {
  const use = await usedKey(declaration, request, passage, given);
  const stored = use === undefined ? undefined : await beginUse(use, given.documents);
  if (stored !== undefined)
    return { status: stored.status, headers: { ...stored.headers, "idempotency-replayed": "true" }, body: stored.body };
  try {
    const answer = await work(declaration, request, { use, passage, given });
    const outcome = outcomeOf(declaration, answer);
    await assertDeclared(declaration, outcome, given);
    return outcome;
  } catch (error) {
    if (use !== undefined) await abandonUse(use, given.documents).catch(() => {});
    throw error;
  }
}

/** What stands for a file in the fingerprint of a request. */
function fileText(bytes: Buffer): string {
  return JSON.stringify(createHash("sha256").update(bytes).digest("hex"));
}

async function usedKey(
  declaration: AnyHttpDeclaration,
  request: AnyRequest,
  passage: Passage,
  given: AnyGiven,
): Promise<KeyUse | undefined> {
  const key = header(passage.raw.headers, "idempotency-key");
  if (key === undefined || declaration.handle !== undefined || request.caller.kind === "public") return undefined;
  const { rootKey, apiKey } = presented(passage.raw);
  return keyUse({
    credentialId: request.caller.credentialId,
    secret: apiKey ?? rootKey ?? "",
    method: declaration.method,
    path: passage.raw.path,
    key: idempotencyKey(key),
    query: passage.raw.query.toString(),
    body: declaration.fileBody === undefined ? bodyText(passage.raw) : fileText(passage.raw.rawBody),
    holder: given.ids.newId("use"),
    sealAnswer: declaration.secretAnswer ?? false,
  });
}

async function work(
  declaration: AnyHttpDeclaration,
  request: AnyRequest,
  by: { use: KeyUse | undefined; passage: Passage; given: AnyGiven },
): Promise<Answer<unknown>> {
  const { given, passage } = by;
  if (declaration.handle !== undefined) return declaration.handle(request, given);
  const effects = effectsOf(declaration, request, {
    use: by.use,
    given,
    address: clientAddress(passage.raw, given.config.TRUSTED_PROXY_HOPS),
    userAgent: header(passage.raw.headers, "user-agent"),
  });
  if (declaration.steps !== undefined) return declaration.steps(request, effects, given);
  return effects.commit(async (change) => {
    await effects.prepare(change);
    const answer = await declaration.change?.(request, change, given);
    effects.conclude(change, answer);
    return answer;
  });
}

/** In tests an answer that its declaration does not describe is a failure; elsewhere it is not worth a customer's request. */
async function assertDeclared(declaration: AnyHttpDeclaration, outcome: Outcome, given: AnyGiven): Promise<void> {
  if (given.config.ENVIRONMENT !== "test" || declaration.contentType !== undefined) return;
  const problems = await responseProblems(declaration.response, JSON.parse(JSON.stringify(outcome.body)));
  if (problems.length > 0)
    throw new Error(
      `${declaration.method} ${declaration.path} answers what it does not declare: ${JSON.stringify(problems)}`,
    );
  if (!(declaration.statuses ?? [200]).includes(outcome.status))
    throw new Error(`${declaration.path}: status ${outcome.status} is not declared`);
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
