import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import type { SignedIn } from "./caller.ts";

/** Document `sessions/{sha256 of the cookie's value}`; the id is the session's name everywhere else. */
export interface SessionDocument {
  userId: string;
  /** Verified, as typed. */
  email: string;
  /** RFC 3339, UTC: when the person last proved who they are. */
  authTime: string;
  startedAt: string;
  /** Written at most every 15 minutes. */
  lastSeenAt: string;
  ip: string | null;
  userAgent: string | null;
  /** SHA-256 in hex of the token that unsafe requests with the cookie must carry. */
  csrfHash: string;
  revokedAt: string | null;
  /** End of the session whatever happens. */
  expiresAt: string;
  expireAt: string;
}

export const sessionIdleMilliseconds = 7 * 86_400_000;
export const seenEveryMilliseconds = 15 * 60_000;
const secretPattern = /^[A-Za-z0-9_-]{43}$/;

export function sessionPath(sessionId: string): string {
  return `sessions/${sessionId}`;
}

/** The session's id from the cookie's value; undefined, without any look-up, for what this platform cannot have issued. */
export function sessionIdOf(secret: string): string | undefined {
  return secretPattern.test(secret) ? sha256(secret) : undefined;
}

/** Idle 7 days, absolute 30; a revoked session is over at once. Decided at every use, never by a job. */
export function isSessionLive(session: SessionDocument, now: Date): boolean {
  const idleUntil = Date.parse(session.lastSeenAt) + sessionIdleMilliseconds;
  return session.revokedAt === null && Date.parse(session.expiresAt) > now.getTime() && idleUntil > now.getTime();
}

/** The live session; undefined when there is none. Read anew at each request: signing out counts at once. */
export async function liveSession(
  sessionId: string,
  by: { documents: Documents; clock: { now(): Date } },
): Promise<SessionDocument | undefined> {
  const { body } = await by.documents.get<SessionDocument>(sessionPath(sessionId));
  const now = by.clock.now();
  if (body === undefined || !isSessionLive(body, now)) return undefined;
  if (now.getTime() - Date.parse(body.lastSeenAt) >= seenEveryMilliseconds)
    await noteSeen(sessionId, now, by.documents);
  return body;
}

async function noteSeen(sessionId: string, now: Date, documents: Documents): Promise<void> {
  const path = sessionPath(sessionId);
  const seen = documents.transaction(async (tx) => {
    const { body } = await tx.get<SessionDocument>(path);
    if (body !== undefined && isSessionLive(body, now))
      tx.set<SessionDocument>(path, { ...body, lastSeenAt: now.toISOString() });
  });
  await seen.catch(unlessContended);
}

/** Two requests of one person may note the same thing: one of them is enough. */
export function unlessContended(error: unknown): void {
  if (!isAppError(error, "DOCUMENTS_CONTENDED")) throw error;
}

export function signedIn(sessionId: string, session: SessionDocument): SignedIn {
  const { userId, email, authTime } = session;
  return { credentialId: sessionId, userId, email, sessionId, signedInAt: authTime };
}

/** A request as far as it tells whether the page that sent it may. */
export interface Provenance {
  /** GET and HEAD change nothing. */
  isSafe: boolean;
  csrfToken: string | undefined;
  /** An `Origin` that is not ours, or `Sec-Fetch-Site: cross-site`. */
  isForeign: boolean;
}

/** A cookie comes with every request of a browser: what changes something must also show the session's token. */
export function assertOwnPage(session: SessionDocument, { isSafe, csrfToken, isForeign }: Provenance): void {
  if (isSafe) return;
  const digest = Buffer.from(sha256(csrfToken ?? ""));
  if (csrfToken !== undefined && !isForeign && timingSafeEqual(digest, Buffer.from(session.csrfHash))) return;
  throw new AppError("CSRF_FAILED", "A request with the session cookie needs its X-CSRF-Token and an allowed origin.");
}

/**
 * What keeps a person's idempotency records apart from everybody's: known to the browser through its cookie and to the
 * bearer through a claim, and not stored.
 */
export function idempotencySecret(sessionSecret: string): string {
  return createHmac("sha256", sessionSecret).update("idempotency", "utf8").digest("base64url");
}

export function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
