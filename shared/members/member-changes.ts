import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { roleScopes } from "#shared/access/role-scopes.ts";
import { readSeats, writeSeats } from "#shared/quotas/seat-change.ts";
import { withoutMember } from "#shared/quotas/seats.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import {
  type Actor,
  actorOf,
  canonicalRole,
  GrantedRole,
  left,
  type MemberAnswer,
  memberAnswer,
  removedBy,
  withRole,
} from "./member.ts";
import { readMember, readMembership, writeMembership } from "./members-store.ts";

export const RoleUpdate = strictObject({ role: GrantedRole });
export type RoleUpdate = Static<typeof RoleUpdate>;

export const DepartureAnswer = strictObject({
  org_slug: Type.String(),
  user_id: Type.String(),
  status: choice(["REMOVED", "LEFT"]),
});
export type DepartureAnswer = Static<typeof DepartureAnswer>;

/** Another's membership to be changed, and who asks. */
interface OnMember {
  org: OrgIdentity;
  caller: Caller;
  userId: string;
}

/** Gives a member another role. Throws `MEMBER_NOT_FOUND`, `OWNER_REQUIRED`, `ROLE_EXCEEDED`. */
export function updateRole(
  asked: OnMember & { role: GrantedRole },
  effects: Effects<MemberAnswer>,
): Promise<MemberAnswer> {
  return effects.commit(async (change) => {
    const actor = await presentActor(asked, change);
    const member = await readMember(asked.org.key, asked.userId, change);
    await effects.prepare(change);
    const next = withRole(member, canonicalRole(asked.role), actor);
    const answer = memberAnswer(next);
    if (next !== member) writeMembership(next, change);
    effects.conclude(change, answer, {
      resourceId: member.userId,
      details: { role: { old: member.role, new: next.role } },
    });
    return answer;
  });
}

/** Ends another's membership and frees the seat. Throws `MEMBER_NOT_FOUND`, `OWNER_REQUIRED`, `ROLE_EXCEEDED`. */
export function removeMember(asked: OnMember, effects: Effects<DepartureAnswer>): Promise<DepartureAnswer> {
  return effects.commit(async (change) => {
    const actor = await presentActor(asked, change);
    const member = await readMember(asked.org.key, asked.userId, change);
    const seats = await readSeats(asked.org, change);
    await effects.prepare(change);
    const next = removedBy(member, actor);
    const answer: DepartureAnswer = { org_slug: asked.org.slug, user_id: member.userId, status: "REMOVED" };
    writeMembership(next, change);
    writeSeats(seats, withoutMember(seats.quota, seats.now), change);
    effects.conclude(change, answer, { resourceId: member.userId, details: { role: member.role } });
    return answer;
  });
}

/** Ends the caller's own membership and frees the seat. Throws `OWNER_REQUIRED` for the owner. */
export function leaveOrganization(
  asked: { org: OrgIdentity; caller: Caller },
  effects: Effects<DepartureAnswer>,
): Promise<DepartureAnswer> {
  const { org, caller } = asked;
  return effects.commit(async (change) => {
    const member = await readMember(org.key, actorOf(caller).userId ?? "", change);
    const seats = await readSeats(org, change);
    await effects.prepare(change);
    const answer: DepartureAnswer = { org_slug: org.slug, user_id: member.userId, status: "LEFT" };
    writeMembership(left(member), change);
    writeSeats(seats, withoutMember(seats.quota, seats.now), change);
    effects.conclude(change, answer, { resourceId: member.userId, details: { role: member.role } });
    return answer;
  });
}

/**
 * The actor with the role of this instant: the one the request was let in with may be seconds old, and who has just
 * lost a role or the membership must not use it to take another's. Throws `FORBIDDEN`.
 */
export async function presentActor(asked: { org: OrgIdentity; caller: Caller }, change: Change): Promise<Actor> {
  const actor = actorOf(asked.caller);
  if (actor.userId === null) return actor;
  const member = await readMembership(asked.org.key, actor.userId, change);
  if (member?.status === "ACTIVE" && roleScopes(member.role).includes("members:write"))
    return { ...actor, role: member.role };
  throw new AppError("FORBIDDEN", "This needs the scope members:write.");
}
