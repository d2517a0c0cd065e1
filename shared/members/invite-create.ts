import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { emailAddress } from "#shared/people/email.ts";
import { personOf } from "#shared/people/person.ts";
import { type ReadSeats, readSeats, writeSeats } from "#shared/quotas/seat-change.ts";
import { withHold } from "#shared/quotas/seats.ts";
import type { Change } from "#shared/runtime/change.ts";
import { type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import { refuseInactive } from "#shared/runtime/subscription-gate.ts";
import { newOneTimeToken, storeToken } from "#shared/sessions/one-time-token.ts";
import { type InviteAnswer, type InviteDocument, inviteAnswer, invitePath, newInvite } from "./invite.ts";
import { type InviteMail, type InviteMailPorts, inviteMail } from "./invite-mail.ts";
import { enterReceived, type ReadReceived, readReceived, refuseSecondInvite } from "./invites-store.ts";
import { canonicalRole, GrantedRole, refuseRole } from "./member.ts";
import { presentActor } from "./member-changes.ts";
import { readMembership } from "./members-store.ts";

export const InviteRequest = strictObject({
  email: plainText(3, 300),
  role: Type.Optional(GrantedRole),
  message: Type.Optional(plainText(0, 500)),
});
export type InviteRequest = Static<typeof InviteRequest>;

/** One invite about to be written: made before the transaction, so that a body that runs again writes the same. */
interface Invitation {
  org: OrgIdentity;
  caller: Caller;
  email: string;
  role: ReturnType<typeof canonicalRole>;
  message: string | null;
  inviteId: string;
  tokenHash: string;
  mail: InviteMail;
}

/**
 * Invites somebody for 7 days and holds a seat for them, in one transaction. Throws `ROLE_EXCEEDED`,
 * `SUBSCRIPTION_INACTIVE`, `ALREADY_MEMBER`, `INVITE_PENDING`, `PLAN_LIMIT_REACHED`; a refusal writes nothing.
 */
export async function createInvite(
  asked: { org: OrgIdentity; caller: Caller; request: InviteRequest },
  effects: Effects<InviteAnswer>,
  given: InviteMailPorts,
): Promise<Reply<InviteAnswer>> {
  const { org, caller, request } = asked;
  const email = invitedAddress(request.email);
  const role = canonicalRole(request.role ?? "member");
  const message = request.message?.normalize("NFC").trim() || null;
  const { token, hash: tokenHash } = newOneTimeToken("invite");
  const mail = await inviteMail({ org, caller, email, role, message, token }, given);
  const inviteId = given.ids.newId("inv");
  const invitation = { org, caller, email, role, message, inviteId, tokenHash, mail };
  return effects.commit((change) => writeInvitation(invitation, change, effects));
}

async function writeInvitation(
  invitation: Invitation,
  change: Change,
  effects: Effects<InviteAnswer>,
): Promise<Reply<InviteAnswer>> {
  const { org, email, role, inviteId } = invitation;
  const actor = await presentActor(invitation, change);
  const seats = await readSeats(org, change);
  const received = await readReceived(email, change);
  refuseRole(actor, role);
  refuseInactive("running", seats.subscription);
  await refusePresentMember(org, email, change);
  await refuseSecondInvite(received, { orgKey: org.key }, change);
  await effects.prepare(change);
  const invite = invited(invitation, { seats, received }, change);
  const reply = new Reply(201, inviteAnswer(invite, seats.now));
  effects.conclude(change, reply, { resourceId: inviteId, details: { email, role, expires_at: invite.expiresAt } });
  return reply;
}

function invited(
  invitation: Invitation,
  read: { seats: ReadSeats; received: ReadReceived },
  change: Change,
): InviteDocument {
  const { org, caller, tokenHash, inviteId } = invitation;
  const { seats, received } = read;
  const { email, role, message } = invitation;
  const invite = newInvite(
    { inviteId, org: org.key, email, role, message, invitedBy: inviterOf(caller) },
    tokenHash,
    seats.now,
  );
  const hold = { inviteId, until: invite.expiresAt };
  writeSeats(seats, withHold(seats.quota, hold, seats.subscription.limits.seats, seats.now), change);
  change.create<InviteDocument>(invitePath(org.key, inviteId), invite);
  enterReceived(received, invite, change);
  writeInviteToken(invite, tokenHash, change);
  invitation.mail.send(invite, change);
  return invite;
}

/** The token that is good for the invite as long as the invite is. */
export function writeInviteToken(invite: InviteDocument, tokenHash: string, change: Change): void {
  const { inviteId, org, expiresAt } = invite;
  storeToken(tokenHash, { kind: "invite", subject: inviteId, org, expiresAt: new Date(expiresAt) }, change);
}

/** The address as it is shown; 422 for what is none. */
export function invitedAddress(text: string): string {
  const email = emailAddress(text);
  if (email !== undefined) return email;
  throw new AppError("INVALID_BODY", "email must be an e-mail address.", {
    fields: [{ path: "/email", problem: "must be an e-mail address" }],
  });
}

async function refusePresentMember(org: OrgIdentity, email: string, change: Change): Promise<void> {
  const person = await personOf(email, change);
  const membership = person === undefined ? undefined : await readMembership(org.key, person.userId, change);
  if (membership?.status !== "ACTIVE") return;
  throw new AppError("ALREADY_MEMBER", "This person is a member already.", {
    fields: [{ path: "/email", problem: "belongs to a member" }],
  });
}

function inviterOf(caller: Caller): string | null {
  if (caller.kind === "member" || caller.kind === "person") return caller.userId;
  return caller.kind === "key" ? caller.keyId : null;
}
