import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import type { Transaction } from "#shared/platform/documents/documents.ts";
import { type ReadSeats, readSeats, writeSeats } from "#shared/quotas/seat-change.ts";
import { withHold, withoutHold } from "#shared/quotas/seats.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import { refuseInactive } from "#shared/runtime/subscription-gate.ts";
import {
  newOneTimeToken,
  type OneTimeTokenDocument,
  oneTimeTokenPath,
  spendToken,
} from "#shared/sessions/one-time-token.ts";
import {
  ended,
  type InviteAnswer,
  type InviteDocument,
  inviteAnswer,
  invitePath,
  resent,
  standingInvite,
} from "./invite.ts";
import { writeInviteToken } from "./invite-create.ts";
import { type InviteMail, type InviteMailPorts, inviteMail } from "./invite-mail.ts";
import { enterReceived, type ReadReceived, readInvite, readReceived, refuseSecondInvite } from "./invites-store.ts";
import { refuseRole } from "./member.ts";
import { presentActor } from "./member-changes.ts";

export const CancelAnswer = strictObject({ invite_id: Type.String(), status: choice(["CANCELLED"]) });
export type CancelAnswer = Static<typeof CancelAnswer>;

/** An invite of the organization to be changed, and who asks. */
interface OnInvite {
  org: OrgIdentity;
  caller: Caller;
  inviteId: string;
}

/** What one transaction has read of an invite that has not ended. */
interface ReadInvite {
  invite: InviteDocument;
  token: OneTimeTokenDocument | undefined;
  received: ReadReceived;
  seats: ReadSeats;
}

/**
 * Sends an invite again: a new token, the old one dead, 7 days from now. One whose time was over takes a seat anew.
 * Throws `INVITE_NOT_FOUND`, `ROLE_EXCEEDED`, `SUBSCRIPTION_INACTIVE`, `INVITE_PENDING`, `PLAN_LIMIT_REACHED`.
 */
export async function resendInvite(
  asked: OnInvite,
  effects: Effects<InviteAnswer>,
  given: InviteMailPorts,
): Promise<InviteAnswer> {
  const { org, caller, inviteId } = asked;
  const { email, role, message } = standingInvite(await readInvite(org.key, inviteId, given.documents));
  const { token, hash } = newOneTimeToken("invite");
  const mail = await inviteMail({ org, caller, email, role, message, token }, given);
  return effects.commit(async (change) => {
    const actor = await presentActor(asked, change);
    const read = await readStanding(asked, change);
    refuseRole(actor, read.invite.role);
    refuseInactive("running", read.seats.subscription);
    await refuseSecondInvite(read.received, { orgKey: org.key, except: new Set([inviteId]) }, change);
    await effects.prepare(change);
    const invite = writeResent(org, read, { hash, mail }, change);
    const answer = inviteAnswer(invite, read.seats.now);
    effects.conclude(change, answer, { details: { email, role: invite.role, expires_at: invite.expiresAt } });
    return answer;
  });
}

/** Ends an invite and frees its seat. Throws `INVITE_NOT_FOUND`, and `ROLE_EXCEEDED` for an admin's but by the owner. */
export function cancelInvite(asked: OnInvite, effects: Effects<CancelAnswer>): Promise<CancelAnswer> {
  const { org, inviteId } = asked;
  return effects.commit(async (change) => {
    const actor = await presentActor(asked, change);
    const read = await readStanding(asked, change);
    await effects.prepare(change);
    const { invite, seats } = read;
    refuseRole(actor, invite.role);
    const answer: CancelAnswer = { invite_id: inviteId, status: "CANCELLED" };
    change.set<InviteDocument>(invitePath(org.key, inviteId), ended(invite, "CANCELLED", seats.now));
    writeSeats(seats, withoutHold(seats.quota, inviteId, seats.now), change);
    endPresentToken(read, change);
    effects.conclude(change, answer, { details: { email: invite.email, role: invite.role } });
    return answer;
  });
}

function writeResent(
  org: OrgIdentity,
  read: ReadInvite,
  sending: { hash: string; mail: InviteMail },
  change: Change,
): InviteDocument {
  const { seats, received } = read;
  const invite = resent(read.invite, sending.hash, seats.now);
  const hold = { inviteId: invite.inviteId, until: invite.expiresAt };
  writeSeats(seats, withHold(seats.quota, hold, seats.subscription.limits.seats, seats.now), change);
  change.set<InviteDocument>(invitePath(org.key, invite.inviteId), invite);
  enterReceived(received, invite, change);
  endPresentToken(read, change);
  writeInviteToken(invite, sending.hash, change);
  sending.mail.send(invite, change);
  return invite;
}

async function readStanding({ org, inviteId }: OnInvite, change: Change): Promise<ReadInvite> {
  const invite = standingInvite(await readInvite(org.key, inviteId, change));
  const token = await presentToken(invite, change);
  const received = await readReceived(invite.email, change);
  return { invite, token, received, seats: await readSeats(org, change) };
}

async function presentToken(
  { tokenHash }: InviteDocument,
  tx: Pick<Transaction, "get">,
): Promise<OneTimeTokenDocument | undefined> {
  return tokenHash === null ? undefined : (await tx.get<OneTimeTokenDocument>(oneTimeTokenPath(tokenHash))).body;
}

function endPresentToken({ invite, token, seats }: ReadInvite, change: Change): void {
  if (token === undefined || invite.tokenHash === null) return;
  spendToken({ hash: invite.tokenHash, document: token }, seats.now, change);
}
