import type { InviteDocument } from "#shared/members/invite.ts";
import { isOpen } from "#shared/members/invite.ts";
import { joinedBy } from "#shared/members/invite-accept.ts";
import { foundInvite, refuseOtherPerson } from "#shared/members/invite-found.ts";
import { readReceived, receivedInvites } from "#shared/members/invites-store.ts";
import { type Joiner, readJoining } from "#shared/members/joining.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";

type Given = { documents: Documents } & Surroundings;

/** The open invites of an address, newest first. */
export async function openInvites(email: string, documents: Documents): Promise<InviteDocument[]> {
  const received = await readReceived(email, documents);
  const invites = await receivedInvites(received, documents);
  return invites.map(({ body }) => body).filter((invite) => isOpen(invite, received.now));
}

/**
 * Accepts what the operator has invited this person to own: signing in with the address is all it takes. Each in its own
 * transaction with its own audit row. One that cannot be accepted any more does not keep anybody from signing in.
 */
export async function acceptOwnerInvites(person: Joiner, effects: Effects<never>, given: Given): Promise<void> {
  const invites = await openInvites(person.email, given.documents);
  for (const { inviteId, role } of invites) {
    if (role !== "owner") continue;
    await acceptOwnerInvite(inviteId, person, effects, given).catch((error: unknown) => {
      if (!(error instanceof AppError) || error.retryable) throw error;
      given.log.warn({ invite_id: inviteId, code: error.code }, "owner invite not accepted");
    });
  }
}

async function acceptOwnerInvite(
  inviteId: string,
  person: Joiner,
  effects: Pick<Effects<never>, "commit" | "audit">,
  given: Given,
): Promise<void> {
  await effects.commit(async (change) => {
    const found = await foundInvite({ invite_id: inviteId }, person, change).catch(unlessEnded);
    if (found === undefined || !isOpen(found.invite, change.now)) return;
    refuseOtherPerson(found.invite, person);
    const joining = await readJoining(found, person, change);
    joinedBy(joining, change, given);
    effects.audit(change, {
      action: "invite.accepted",
      org: found.org,
      userId: person.userId,
      resourceId: inviteId,
      details: { role: found.invite.role, email: found.invite.email },
    });
  });
}

/** Another sign-in of the same person may have accepted it meanwhile. */
function unlessEnded(error: unknown): undefined {
  if (!isAppError(error, "INVITE_NOT_FOUND")) throw error;
}
