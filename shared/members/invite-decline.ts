import { type Static, Type } from "@sinclair/typebox";
import type { Caller } from "#shared/access/caller.ts";
import { readSeats, writeSeats } from "#shared/quotas/seat-change.ts";
import { withoutHold } from "#shared/quotas/seats.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import { ended, type InviteDocument, inviteNotFound, invitePath } from "./invite.ts";
import {
  auditOf,
  endToken,
  foundInvite,
  type InviteReference,
  refuseAmbiguous,
  refuseOtherPerson,
  signedInPerson,
} from "./invite-found.ts";

export const DeclineAnswer = strictObject({ org_slug: Type.String(), status: choice(["DECLINED"]) });
export type DeclineAnswer = Static<typeof DeclineAnswer>;

/**
 * Ends an invite by whom it is for, and frees its seat; again by the same person: the same answer, without an effect.
 * One whose time is over may still be declined. Throws `INVITE_NOT_FOUND`, `INVITE_OTHER_PERSON`.
 */
export async function declineInvite(
  asked: { caller: Caller; reference: InviteReference },
  effects: Effects<DeclineAnswer>,
): Promise<DeclineAnswer> {
  const { reference } = asked;
  const person = signedInPerson(asked.caller);
  refuseAmbiguous(reference);
  return effects.commit(async (change) => {
    const found = await foundInvite(reference, person, change);
    const { invite, org } = found;
    const seats = await readSeats(org, change);
    await effects.prepare(change);
    refuseOtherPerson(invite, person);
    const isRepeated = invite.status === "DECLINED";
    if (!isRepeated && invite.status !== "PENDING") throw inviteNotFound();
    const answer: DeclineAnswer = { org_slug: org.slug, status: "DECLINED" };
    if (!isRepeated) {
      const declined = ended(invite, "DECLINED", seats.now, person.userId);
      change.set<InviteDocument>(invitePath(org.key, invite.inviteId), declined);
      writeSeats(seats, withoutHold(seats.quota, invite.inviteId, seats.now), change);
      endToken(found, seats.now, change);
    }
    effects.conclude(change, answer, auditOf(found, isRepeated));
    return answer;
  });
}
