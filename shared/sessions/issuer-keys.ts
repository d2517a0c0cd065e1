import type { JSONWebKeySet } from "jose";
import type { Clock } from "#shared/platform/clock.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { isLoopbackUrl } from "#shared/runtime/loopback-url.ts";
import type { OidcIssuer } from "#shared/runtime/oidc-issuers.ts";

/** Where issuers are reached. Tests and development may do without TLS on their own machine. */
export interface IssuerReach {
  clock: Clock;
  isDevelopment: boolean;
}

interface KnownKeys {
  keys: JSONWebKeySet;
  fetchedAt: number;
}

const freshMilliseconds = 10 * 60_000;
const refetchMilliseconds = 60_000;
const usableMilliseconds = 24 * 3_600_000;
const patienceMilliseconds = 3_000;
const maximumBytes = 65_536;

/** By issuer and audience setting; an issuer's keys are the same for everybody in the process. */
const known = new Map<string, KnownKeys>();
/** When an issuer was last asked, also in vain: an unknown `kid` must not make us ask at every request. */
const askedAt = new Map<string, number>();
const inFlight = new Map<string, Promise<JSONWebKeySet>>();

/**
 * The issuer's keys: cached 10 minutes; asked for anew when the key of a token is not among them, at most once a minute;
 * while the issuer is down those of the last 24 hours. Then `IDENTITY_ISSUER_UNAVAILABLE` (retryable). Source: `organizations.md` 8.
 */
export async function issuerKeys(issuer: OidcIssuer, kid: string | undefined, by: IssuerReach): Promise<JSONWebKeySet> {
  const now = by.clock.now().getTime();
  const cached = known.get(issuer.issuer);
  const age = cached === undefined ? Number.POSITIVE_INFINITY : now - cached.fetchedAt;
  if (cached !== undefined && age < freshMilliseconds && hasKey(cached.keys, kid)) return cached.keys;
  const usable = cached !== undefined && age < usableMilliseconds ? cached.keys : undefined;
  try {
    return (await asked(issuer, now, by)) ?? usable ?? refuseUnavailable();
  } catch (cause) {
    return usable ?? refuseUnavailable(cause);
  }
}

/** The keys as the issuer gives them now; one question for all who wait, undefined within a minute of the last one. */
async function asked(issuer: OidcIssuer, now: number, by: IssuerReach): Promise<JSONWebKeySet | undefined> {
  const waiting = inFlight.get(issuer.issuer);
  if (waiting !== undefined) return waiting;
  if (now - (askedAt.get(issuer.issuer) ?? Number.NEGATIVE_INFINITY) < refetchMilliseconds) return undefined;
  askedAt.set(issuer.issuer, now);
  const answer = fetchKeys(issuer, by).finally(() => inFlight.delete(issuer.issuer));
  inFlight.set(issuer.issuer, answer);
  const keys = await answer;
  known.set(issuer.issuer, { keys, fetchedAt: now });
  return keys;
}

function hasKey({ keys }: JSONWebKeySet, kid: string | undefined): boolean {
  return kid === undefined || keys.some((key) => key.kid === kid);
}

async function fetchKeys(issuer: OidcIssuer, by: IssuerReach): Promise<JSONWebKeySet> {
  const address = issuer.jwksUri ?? (await discoveredAddress(issuer, by));
  const content = (await fetchJson(address, by)) as { keys?: unknown };
  if (!Array.isArray(content.keys)) throw new Error("the answer holds no list of keys");
  // A symmetric key in a public list would let anybody sign.
  const keys = content.keys.filter((key: unknown) =>
    ["RSA", "EC", "OKP"].includes(String((key as { kty?: unknown }).kty)),
  );
  return { keys } as JSONWebKeySet;
}

async function discoveredAddress({ issuer }: OidcIssuer, by: IssuerReach): Promise<string> {
  const address = `${issuer.replace(/\/+$/, "")}/.well-known/openid-configuration`;
  const content = (await fetchJson(address, by)) as { issuer?: unknown; jwks_uri?: unknown };
  if (content.issuer !== issuer || typeof content.jwks_uri !== "string")
    throw new Error("discovery names another issuer");
  return content.jwks_uri;
}

async function fetchJson(address: string, { isDevelopment }: IssuerReach): Promise<object> {
  if (!address.startsWith("https://") && !(isDevelopment && isLoopbackUrl(address)))
    throw new Error("the address is not https");
  const response = await fetch(address, {
    headers: { accept: "application/json" },
    redirect: "error",
    signal: AbortSignal.timeout(patienceMilliseconds),
  });
  if (!response.ok || response.body === null) throw new Error(`the issuer answers ${response.status}`);
  const content: unknown = JSON.parse(await boundedText(response.body));
  if (typeof content !== "object" || content === null) throw new Error("the answer is not an object");
  return content;
}

async function boundedText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body) {
    length += part.length;
    if (length > maximumBytes) throw new Error("the answer is longer than 64 KiB");
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function refuseUnavailable(cause?: unknown): never {
  throw new AppError("IDENTITY_ISSUER_UNAVAILABLE", "The identity issuer cannot be reached; try again.", {
    retryable: true,
    cause,
  });
}
