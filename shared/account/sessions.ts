import { type Static, Type } from "@sinclair/typebox";
import type { Caller } from "#shared/access/caller.ts";
import {
  idempotencySecret,
  isSessionLive,
  type SessionDocument,
  sessionIdOf,
  sessionPath,
} from "#shared/access/session.ts";
import { unauthenticated } from "#shared/access/verify.ts";
import type { Clock } from "#shared/platform/clock.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import { type Client, sessionCookie } from "#shared/runtime/client.ts";
import { type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { newAccessToken } from "#shared/sessions/access-token.ts";
import type { SealedPlatformKeys } from "#shared/sessions/platform-secrets.ts";
import { revokeSessions, type StoredSession, sessionsOf, sessionsPageSize } from "#shared/sessions/session.ts";
import { type PersonCaller, personCaller } from "./person-caller.ts";

const instant = Type.String({ format: "date-time" });

export const OwnSessions = strictObject({
  sessions: Type.Array(
    strictObject({
      session_id: Type.String(),
      is_current: Type.Boolean(),
      started_at: instant,
      auth_time: instant,
      last_seen_at: instant,
      expires_at: instant,
      ip_address: nullable(Type.String()),
      user_agent: nullable(Type.String()),
    }),
  ),
});
export type OwnSessions = Static<typeof OwnSessions>;

export const SignedOut = strictObject({ status: choice(["signed_out"]), sessions_ended: Type.Integer() });
export type SignedOut = Static<typeof SignedOut>;

export const SessionRevoked = strictObject({ session_id: Type.String(), status: choice(["REVOKED"]) });
export type SessionRevoked = Static<typeof SessionRevoked>;

export const AccessToken = strictObject({
  access_token: Type.String({ description: "For `Authorization: Bearer`" }),
  token_type: choice(["Bearer"]),
  expires_at: instant,
});
export type AccessToken = Static<typeof AccessToken>;

/** The caller's live sessions, the one seen last first. */
export async function ownSessions(
  caller: Caller,
  { documents, clock }: { documents: Documents; clock: Clock },
): Promise<OwnSessions> {
  const { userId, sessionId: current } = personCaller(caller);
  const now = clock.now();
  const live = (await sessionsOf(userId, now, documents)).filter(({ document }) => isSessionLive(document, now));
  const sorted = live.sort((one, other) => other.document.lastSeenAt.localeCompare(one.document.lastSeenAt));
  return {
    sessions: sorted.map(({ sessionId, document }) => ({
      session_id: sessionId,
      is_current: sessionId === current,
      started_at: document.startedAt,
      auth_time: document.authTime,
      last_seen_at: document.lastSeenAt,
      expires_at: document.expiresAt,
      ip_address: document.ip,
      user_agent: document.userAgent,
    })),
  };
}

/** A token for programs that speak for the person while the cookie's session lives. The cookie itself must be shown. */
export async function issueAccessToken(caller: Caller, client: Client, by: SealedPlatformKeys): Promise<AccessToken> {
  const { userId, sessionId, signedInAt } = personCaller(caller);
  if (client.cookie === undefined || sessionIdOf(client.cookie) !== sessionId) throw unauthenticated();
  const session = { userId, sessionId, authTime: signedInAt, idempotencySecret: idempotencySecret(client.cookie) };
  const { token, expiresAt } = await newAccessToken(session, by);
  return { access_token: token, token_type: "Bearer", expires_at: expiresAt.toISOString() };
}

/** Ends the caller's session, and with it every token of it, at once. */
export function signOut(caller: Caller, client: Client, effects: Effects<SignedOut>): Promise<Reply<SignedOut>> {
  const { sessionId } = personCaller(caller);
  return effects.commit(async (change) => {
    const { body } = await change.get<SessionDocument>(sessionPath(sessionId));
    await effects.prepare(change);
    if (body === undefined) throw unauthenticated();
    revokeSessions([{ sessionId, document: body }], change.now, change);
    return concluded({ ended: 1, resourceId: sessionId }, client, change, effects);
  });
}

/** Ends every session of the caller and every token, page by page; the last page carries the audit row. */
export async function signOutEverywhere(
  caller: Caller,
  client: Client,
  effects: Effects<SignedOut>,
): Promise<Reply<SignedOut>> {
  const person = personCaller(caller);
  let ended = 0;
  for (;;) {
    const page = await effects.commit((change) => endPage(person, { ended, client }, change, effects));
    if (page.reply !== undefined) return page.reply;
    ended = page.ended;
  }
}

async function endPage(
  { userId }: PersonCaller,
  before: { ended: number; client: Client },
  change: Change,
  effects: Effects<SignedOut>,
): Promise<{ ended: number; reply?: Reply<SignedOut> }> {
  const sessions: StoredSession[] = await sessionsOf(userId, change.now, change);
  await effects.prepare(change);
  revokeSessions(sessions, change.now, change);
  const ended = before.ended + sessions.length;
  return sessions.length < sessionsPageSize
    ? { ended, reply: concluded({ ended, resourceId: userId }, before.client, change, effects) }
    : { ended };
}

function concluded(
  { ended, resourceId }: { ended: number; resourceId: string },
  client: Client,
  change: Change,
  effects: Effects<SignedOut>,
): Reply<SignedOut> {
  const answer: SignedOut = { status: "signed_out", sessions_ended: ended };
  const reply = new Reply(200, answer, { "set-cookie": sessionCookie("", 0, client) });
  effects.conclude(change, reply, { resourceId, details: { sessions_ended: ended } });
  return reply;
}

/** Ends one of the caller's own sessions; 404 for any other id. Again: the same answer. */
export function revokeOwnSession(
  caller: Caller,
  sessionId: string,
  effects: Effects<SessionRevoked>,
): Promise<SessionRevoked> {
  const { userId } = personCaller(caller);
  return effects.commit(async (change) => {
    const isId = /^[0-9a-f]{64}$/.test(sessionId);
    const body = isId ? (await change.get<SessionDocument>(sessionPath(sessionId))).body : undefined;
    await effects.prepare(change);
    if (body?.userId !== userId) throw new AppError("SESSION_NOT_FOUND", "You have no such session.");
    const isOver = body.revokedAt !== null;
    if (!isOver) revokeSessions([{ sessionId, document: body }], change.now, change);
    const answer: SessionRevoked = { session_id: sessionId, status: "REVOKED" };
    effects.conclude(change, answer, { resourceId: sessionId, isAudited: isOver });
    return answer;
  });
}
