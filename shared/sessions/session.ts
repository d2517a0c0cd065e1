import { randomBytes } from "node:crypto";
import { type SessionDocument, sessionIdOf, sessionPath, sha256 } from "#shared/access/session.ts";
import type { PersonDocument } from "#shared/people/person.ts";
import type { Documents, Snapshot, Transaction } from "#shared/platform/documents/documents.ts";
import type { Client } from "#shared/runtime/client.ts";
import { csrfTokenOf, type SealedPlatformKeys } from "./platform-secrets.ts";

export const sessionSeconds = 30 * 86_400;
const keptAfterExpirySeconds = 86_400;
const secretBytes = 32;
export const sessionsPageSize = 100;

/** A session that is about to be stored. The secret goes into the cookie and is not kept. */
export interface NewSession {
  secret: string;
  sessionId: string;
  csrfToken: string;
}

/** A session as its person sees it. */
export interface StoredSession {
  sessionId: string;
  document: SessionDocument;
}

/** Fresh at every sign-in, so that nobody can have fixed it before. */
export async function newSession(by: SealedPlatformKeys): Promise<NewSession> {
  const secret = randomBytes(secretBytes).toString("base64url");
  const sessionId = sessionIdOf(secret);
  if (sessionId === undefined) throw new Error("a fresh session secret has no session's form");
  return { secret, sessionId, csrfToken: await csrfTokenOf(sessionId, by) };
}

/** Writes the session of a person who has just proved, at `authTime`, who they are. */
export function storeSession(
  { sessionId, csrfToken }: NewSession,
  of: {
    person: Pick<PersonDocument, "userId">;
    email: string;
    authTime: Date;
    now: Date;
    client: Pick<Client, "address" | "userAgent">;
  },
  tx: Pick<Transaction, "create">,
): SessionDocument {
  const after = (seconds: number): string => new Date(of.now.getTime() + seconds * 1000).toISOString();
  const document: SessionDocument = {
    userId: of.person.userId,
    email: of.email,
    authTime: of.authTime.toISOString(),
    startedAt: of.now.toISOString(),
    lastSeenAt: of.now.toISOString(),
    ip: of.client.address,
    userAgent: of.client.userAgent,
    csrfHash: sha256(csrfToken),
    revokedAt: null,
    expiresAt: after(sessionSeconds),
    expireAt: after(sessionSeconds + keptAfterExpirySeconds),
  };
  tx.create(sessionPath(sessionId), document);
  return document;
}

/** The person's sessions that are not over, those that end last at the end; the hundred that end first. */
export async function sessionsOf(
  userId: string,
  now: Date,
  from: Pick<Documents, "list">,
): Promise<(Snapshot<SessionDocument> & StoredSession)[]> {
  const { documents } = await from.list<SessionDocument>({
    collection: "sessions",
    filters: [
      { field: "userId", is: "==", value: userId },
      { field: "revokedAt", is: "==", value: null },
      { field: "expiresAt", is: ">", value: now.toISOString() },
    ],
    orderBy: [{ field: "expiresAt", direction: "asc" }],
    limit: sessionsPageSize,
  });
  return documents.map((each) => ({ ...each, sessionId: each.path.split("/")[1] ?? "", document: each.body }));
}

/** Ends sessions that this transaction has read. */
export function revokeSessions(sessions: readonly StoredSession[], now: Date, tx: Pick<Transaction, "set">): void {
  for (const { sessionId, document } of sessions)
    tx.set<SessionDocument>(sessionPath(sessionId), { ...document, revokedAt: now.toISOString() });
}

/** Ends sessions of a person whose account goes, with what they say of the person. */
export function forgetSessions(sessions: readonly StoredSession[], now: Date, tx: Pick<Transaction, "set">): void {
  for (const { sessionId, document } of sessions) {
    const empty = { email: "", ip: null, userAgent: null, revokedAt: now.toISOString() };
    tx.set<SessionDocument>(sessionPath(sessionId), { ...document, ...empty });
  }
}
