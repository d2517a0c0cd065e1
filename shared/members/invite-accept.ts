import { type Static, Type } from "@sinclair/typebox";
import type { Caller } from "#shared/access/caller.ts";
import { roles } from "#shared/access/roles.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import { type InviteDocument, inviteNotFound, isOpen } from "./invite.ts";
import {
  auditOf,
  type FoundInvite,
  foundInvite,
  type InviteReference,
  refuseAmbiguous,
  refuseOtherPerson,
  signedInPerson,
} from "./invite-found.ts";
import { type Joiner, type Joining, join, readJoining } from "./joining.ts";
import { type OwnershipMailPorts, ownershipMails } from "./ownership-mail.ts";

export const AcceptAnswer = strictObject({
  org_slug: Type.String(),
  company_name: Type.String(),
  role: choice(roles),
  status: choice(["ACCEPTED"]),
  accepted_at: Type.String({ format: "date-time" }),
});
export type AcceptAnswer = Static<typeof AcceptAnswer>;

/**
 * Makes who is signed in a member, in the place their invite held. Again by the same person: the same answer, without an
 * effect. Throws `INVITE_NOT_FOUND`, `INVITE_OTHER_PERSON`, `INVITE_EXPIRED`, `PLAN_LIMIT_REACHED`.
 */
export async function acceptInvite(
  asked: { caller: Caller; reference: InviteReference },
  effects: Effects<AcceptAnswer>,
  given: OwnershipMailPorts,
): Promise<AcceptAnswer> {
  const { reference } = asked;
  const person = signedInPerson(asked.caller);
  refuseAmbiguous(reference);
  return effects.commit(async (change) => {
    const found = await foundInvite(reference, person, change);
    const joining = await readJoining(found, person, change);
    await effects.prepare(change);
    const { invite } = found;
    const isRepeated = invite.status === "ACCEPTED" && invite.userId === person.userId;
    if (!isRepeated) refuseAcceptance(invite, person, joining.seats.now);
    const accepted = isRepeated ? invite : joinedBy(joining, change, given);
    const answer = acceptAnswer(found, accepted);
    effects.conclude(change, answer, auditOf(found, isRepeated));
    return answer;
  });
}

function refuseAcceptance(invite: InviteDocument, person: Joiner, now: Date): void {
  if (invite.status !== "PENDING") throw inviteNotFound();
  refuseOtherPerson(invite, person);
  if (isOpen(invite, now)) return;
  throw new AppError("INVITE_EXPIRED", "This invite is over: ask for a new one.");
}

/** Lets the person in; a change of owner is told to both. */
export function joinedBy(joining: Joining, change: Change, given: OwnershipMailPorts): InviteDocument {
  const { invite } = join(joining, change);
  const { owner, found, person } = joining;
  if (owner?.status === "ACTIVE")
    ownershipMails({ org: found.org, organization: found.organization, from: owner, to: person }, change, given);
  return invite;
}

function acceptAnswer({ org, organization }: FoundInvite, accepted: InviteDocument): AcceptAnswer {
  return {
    org_slug: org.slug,
    company_name: organization.companyName,
    role: accepted.role,
    status: "ACCEPTED",
    accepted_at: accepted.endedAt ?? "",
  };
}
