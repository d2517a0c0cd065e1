import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { roleScopes } from "#shared/access/role-scopes.ts";
import { type MembershipDocument, membershipPath, ownMembershipPath, type Role } from "#shared/access/roles.ts";
import { signedIn } from "#shared/access/session.ts";
import { createPerson, personOf } from "#shared/people/person.ts";
import type { SealedPlatformKeys } from "#shared/sessions/platform-secrets.ts";
import { newSession, storeSession } from "#shared/sessions/session.ts";

export interface SignedInPerson {
  caller: Caller & { kind: "person" };
  userId: string;
  sessionId: string;
  /** What a browser on this machine sends with every request; unsafe ones are let through. */
  headers: { cookie: string; "x-csrf-token": string };
}

export interface SignedInMember extends Omit<SignedInPerson, "caller"> {
  caller: Caller & { kind: "member" };
}

const client = { address: "127.0.0.1", userAgent: "test" };

/** A session of the person with this address, whom the first call makes; as the sign-in functions would write it. */
export async function signInPerson(email: string, ports: SealedPlatformKeys): Promise<SignedInPerson> {
  const session = await newSession(ports);
  const userId = ports.ids.newId("usr");
  const document = await ports.documents.transaction(async (tx) => {
    const known = await personOf(email, tx);
    const person = known ?? createPerson({ userId, email, name: null }, tx);
    const now = ports.clock.now();
    return storeSession(session, { person, email, authTime: now, now, client }, tx);
  });
  const caller = { kind: "person" as const, ...signedIn(session.sessionId, document) };
  return {
    caller,
    userId: caller.userId,
    sessionId: session.sessionId,
    headers: { cookie: `ca_session=${session.secret}`, "x-csrf-token": session.csrfToken },
  };
}

export async function signInMember(
  { org, role, email }: { org: OrgIdentity; role: Role; email: string },
  ports: SealedPlatformKeys,
): Promise<SignedInMember> {
  const person = await signInPerson(email, ports);
  const { userId } = person;
  const joinedAt = ports.clock.now().toISOString();
  const paths = [membershipPath(org.key, userId), ownMembershipPath(userId, org.key)];
  await ports.documents.transaction(async (tx) => {
    await tx.getAll(paths);
    for (const path of paths)
      tx.set<MembershipDocument>(path, {
        userId,
        org: org.key,
        role,
        status: "ACTIVE",
        email,
        name: null,
        joinedAt,
        lastSeenAt: null,
      });
  });
  return { ...person, caller: { ...person.caller, kind: "member", org, role, scopes: roleScopes(role) } };
}
