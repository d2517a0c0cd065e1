import { type Static, Type } from "@sinclair/typebox";
import { unauthenticated } from "#shared/access/verify.ts";
import {
  createPerson,
  type IdentityDocument,
  identityPath,
  type PersonDocument,
  personOf,
  userPath,
} from "#shared/people/person.ts";
import type { Change } from "#shared/runtime/change.ts";
import { type Client, sessionCookie } from "#shared/runtime/client.ts";
import { isDevelopment } from "#shared/runtime/config.ts";
import { type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { oidcIssuers } from "#shared/runtime/oidc-issuers.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { liveToken, oneTimeTokenHash, spendToken } from "#shared/sessions/one-time-token.ts";
import { type OutsideIdentity, outsideIdentity } from "#shared/sessions/outside-identity.ts";
import type { SealedPlatformKeys } from "#shared/sessions/platform-secrets.ts";
import { type NewSession, newSession, sessionSeconds, storeSession } from "#shared/sessions/session.ts";
import { acceptOwnerInvites } from "./owner-invites.ts";
import { ownSession, type SessionAnswer } from "./session-answer.ts";

export const LinkUse = strictObject({ token: Type.String({ minLength: 1, maxLength: 100 }) });
export type LinkUse = Static<typeof LinkUse>;

type SignInPorts = SealedPlatformKeys & Surroundings;

/** A person who has proved who they are, and when; found or made by the transaction that begins their session. */
interface Proof {
  person: PersonDocument;
  authTime: Date;
}

/**
 * Spends a mailed sign-in token and begins a session; the first sign-in makes the person. One `UNAUTHENTICATED` for a
 * token that is none, used or too old: of any number of tries at once, one gets in.
 */
export async function signInByLink(
  { token }: LinkUse,
  client: Client,
  effects: Effects<SessionAnswer>,
  given: SignInPorts,
): Promise<Reply<SessionAnswer>> {
  const hash = oneTimeTokenHash(token, "signin");
  if (hash === undefined) throw unauthenticated();
  const freshId = given.ids.newId("usr");
  return beginSession({ client, effects, given }, async (change) => {
    const live = await liveToken(hash, "signin", change);
    const email = live?.document.email ?? null;
    if (live === undefined || email === null) throw unauthenticated();
    const known = await personOf(email, change);
    spendToken(live, change.now, change);
    const person = known ?? createPerson({ userId: freshId, email }, change);
    return { person, authTime: change.now };
  });
}

/**
 * Begins a session for the bearer of an outside issuer's token. A subject that is new joins a person, or becomes one, by
 * a verified e-mail only: `EMAIL_UNVERIFIED`. Other throws: `outsideIdentity`.
 */
export async function signInByIssuer(
  client: Client,
  effects: Effects<SessionAnswer>,
  given: SignInPorts,
): Promise<Reply<SessionAnswer>> {
  if (client.bearer === undefined) throw unauthenticated();
  const { clock, config } = given;
  const reach = { clock, isDevelopment: isDevelopment(config) };
  const identity = await outsideIdentity(client.bearer, oidcIssuers(config), reach);
  const freshId = given.ids.newId("usr");
  return beginSession({ client, effects, given }, async (change) => ({
    person: await personOfIdentity(identity, freshId, change),
    authTime: identity.authTime,
  }));
}

async function personOfIdentity(
  { issuer, subject, email }: OutsideIdentity,
  freshId: string,
  change: Change,
): Promise<PersonDocument> {
  const path = identityPath(issuer, subject);
  const known = (await change.get<IdentityDocument>(path)).body;
  if (known !== undefined) {
    const { body } = await change.get<PersonDocument>(userPath(known.userId));
    if (body?.state !== "ACTIVE") throw unauthenticated();
    return body;
  }
  if (email === undefined)
    throw new AppError("EMAIL_UNVERIFIED", "The identity issuer does not say that this e-mail address is verified.");
  const owner = await personOf(email, change);
  const person = owner ?? createPerson({ userId: freshId, email }, change);
  change.create<IdentityDocument>(path, { userId: person.userId, issuer, subject });
  return person;
}

interface SigningIn {
  client: Client;
  effects: Effects<SessionAnswer>;
  given: SignInPorts;
}

/** A page of another site must not sign anybody in: they would work in somebody else's account without knowing. */
async function beginSession(
  signingIn: SigningIn,
  prove: (change: Change) => Promise<Proof>,
): Promise<Reply<SessionAnswer>> {
  const { client, effects, given } = signingIn;
  if (client.isForeign) throw new AppError("CSRF_FAILED", "A page of another site cannot sign anybody in.");
  const session = await newSession(given);
  const person = await effects.commit(async (change) => {
    const proof = await prove(change);
    writeSession(session, proof, signingIn, change);
    return proof.person;
  });
  const { userId, email } = person;
  if (email !== null) await acceptOwnerInvites({ userId, email }, effects, given);
  const answer = await ownSession({ userId, sessionId: session.sessionId }, given);
  return new Reply(200, answer, { "set-cookie": sessionCookie(session.secret, sessionSeconds, client) });
}

function writeSession(
  session: NewSession,
  { person, authTime }: Proof,
  { client, effects }: SigningIn,
  change: Change,
): void {
  const { userId, email } = person;
  if (email === null) throw unauthenticated();
  storeSession(session, { person, email, authTime, now: change.now, client }, change);
  effects.audit(change, { userId, resourceId: userId });
}
