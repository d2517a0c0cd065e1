import type { IncomingHttpHeaders } from "node:http";
import type { Configuration } from "./config.ts";
import { AppError } from "./errors.ts";
import { header } from "./request.ts";

const googleKeys = new URL("https://www.googleapis.com/oauth2/v3/certs");
const googleIssuers = ["https://accounts.google.com", "accounts.google.com"];

let keySet: ReturnType<typeof import("jose").createRemoteJWKSet> | undefined;

/**
 * Only our own Pub/Sub subscriptions and Cloud Scheduler may call a topic function: their OIDC token names the audience
 * and the service account of this installation. Where none is configured (embedded, emulators; production refuses to
 * start so) the function is reachable from this process or test network only. Source: google-limits 2, "push auth".
 */
export async function assertPushIdentity(headers: IncomingHttpHeaders, config: Configuration): Promise<void> {
  if (config.PUSH_OIDC_AUDIENCE === undefined || config.PUSH_SERVICE_ACCOUNT === undefined) return;
  const token = /^Bearer (.+)$/.exec(header(headers, "authorization") ?? "")?.[1];
  if (token === undefined) throw refused();
  const { createRemoteJWKSet, jwtVerify } = await import("jose");
  keySet ??= createRemoteJWKSet(googleKeys, { timeoutDuration: 3000, cacheMaxAge: 600_000 });
  const { payload } = await jwtVerify(token, keySet, {
    issuer: googleIssuers,
    audience: config.PUSH_OIDC_AUDIENCE,
    algorithms: ["RS256"],
    clockTolerance: 60,
  }).catch((cause: unknown) => {
    throw refused(cause);
  });
  if (payload["email"] !== config.PUSH_SERVICE_ACCOUNT || payload["email_verified"] !== true) throw refused();
}

function refused(cause?: unknown): AppError {
  return new AppError("UNAUTHENTICATED", "The push is not from this installation's service account.", { cause });
}
