import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import { activeOrganization, organizationPath, readMember, writeMembership } from "./members-store.ts";
import { type OwnershipMailPorts, ownershipMails } from "./ownership-mail.ts";

export const TransferRequest = strictObject({
  to_user_id: Type.String({ minLength: 1, maxLength: 100 }),
  confirm_org_slug: plainText(1, 50),
});
export type TransferRequest = Static<typeof TransferRequest>;

export const TransferAnswer = strictObject({
  org_slug: Type.String(),
  owner_user_id: Type.String(),
  previous_owner_user_id: Type.String(),
});
export type TransferAnswer = Static<typeof TransferAnswer>;

/** Who signed in longer ago has to prove again who they are. */
const freshSignInMilliseconds = 15 * 60_000;

/**
 * Makes another member the owner and the owner an admin, in one transaction; both are told by mail. Throws
 * `REAUTH_REQUIRED`, `MEMBER_NOT_FOUND`, 422 for another slug than the stored one, `FORBIDDEN` for who is owner no more.
 */
export async function transferOwnership(
  asked: { org: OrgIdentity; caller: Caller; request: TransferRequest },
  effects: Effects<TransferAnswer>,
  given: OwnershipMailPorts,
): Promise<TransferAnswer> {
  const { org, caller, request } = asked;
  const from = freshOwner(caller, given.clock.now());
  refuseOtherSlug(org, request.confirm_org_slug);
  return effects.commit(async (change) => {
    const { organization, owner } = await presentOwner(org, from, change);
    if (request.to_user_id === from)
      throw new AppError("OWNER_REQUIRED", "The ownership goes to another member.", {
        fields: [{ path: "/to_user_id", problem: "is the owner" }],
      });
    const heir = await readMember(org.key, request.to_user_id, change);
    await effects.prepare(change);
    const answer: TransferAnswer = {
      org_slug: org.slug,
      owner_user_id: heir.userId,
      previous_owner_user_id: owner.userId,
    };
    writeMembership({ ...owner, role: "admin" }, change);
    writeMembership({ ...heir, role: "owner" }, change);
    change.set<OrgDocument>(organizationPath(org.key), { ...organization, ownerUserId: heir.userId });
    ownershipMails({ org, organization, from: owner, to: heir }, change, given);
    effects.conclude(change, answer, {
      resourceId: heir.userId,
      details: { owner: { old: owner.userId, new: heir.userId }, previous_role: heir.role },
    });
    return answer;
  });
}

function freshOwner(caller: Caller, now: Date): string {
  if (caller.kind !== "member") throw notOwner();
  const age = now.getTime() - Date.parse(caller.signedInAt);
  if (age <= freshSignInMilliseconds) return caller.userId;
  throw new AppError("REAUTH_REQUIRED", "Sign in again: this needs a sign-in of the last 15 minutes.");
}

function refuseOtherSlug(org: OrgIdentity, confirmed: string): void {
  if (confirmed === org.slug) return;
  throw new AppError("INVALID_BODY", "confirm_org_slug must be the organization's slug as it is stored.", {
    fields: [{ path: "/confirm_org_slug", problem: "is not the organization's slug" }],
  });
}

async function presentOwner(org: OrgIdentity, userId: string, change: Change) {
  const organization = await activeOrganization(org.key, change);
  if (organization?.ownerUserId !== userId) throw notOwner();
  return { organization, owner: await readMember(org.key, userId, change) };
}

function notOwner(): AppError {
  return new AppError("FORBIDDEN", "Only the organization's owner may do this.");
}
