import { type Static, Type } from "@sinclair/typebox";
import type { SignedIn } from "#shared/access/caller.ts";
import { type SessionDocument, sessionPath } from "#shared/access/session.ts";
import { unauthenticated } from "#shared/access/verify.ts";
import { Person, type PersonDocument, personAnswer, userPath } from "#shared/people/person.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { csrfTokenOf, type SealedPlatformKeys } from "#shared/sessions/platform-secrets.ts";
import { OwnOrganization, ownOrganizations } from "./own-organizations.ts";

const instant = Type.String({ format: "date-time" });

/** A session as its own person sees it. */
export const SessionAnswer = strictObject({
  user: Person,
  organizations: Type.Array(OwnOrganization),
  csrf_token: Type.String({ description: "Goes into X-CSRF-Token of every request that changes something" }),
  expires_at: instant,
  auth_time: instant,
});
export type SessionAnswer = Static<typeof SessionAnswer>;

/** The caller's session; `UNAUTHENTICATED` when it ended meanwhile. */
export async function ownSession(
  { userId, sessionId }: Pick<SignedIn, "userId" | "sessionId">,
  by: SealedPlatformKeys,
): Promise<SessionAnswer> {
  const [session, person, organizations, csrfToken] = await Promise.all([
    by.documents.get<SessionDocument>(sessionPath(sessionId)),
    by.documents.get<PersonDocument>(userPath(userId)),
    ownOrganizations(userId, by.documents),
    csrfTokenOf(sessionId, by),
  ]);
  if (session.body === undefined) throw unauthenticated();
  return {
    user: personAnswer(person),
    organizations,
    csrf_token: csrfToken,
    expires_at: session.body.expiresAt,
    auth_time: session.body.authTime,
  };
}
