import { type Static, Type } from "@sinclair/typebox";
import type { Caller } from "#shared/access/caller.ts";
import { type MembershipDocument, type Role, roles } from "#shared/access/roles.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";

/**
 * Who may be made what, and by whom. An organization has exactly one owner, or none while the owner's invite is open;
 * the owner changes by transfer alone. Nothing here does I/O. Source: `organizations.md` 7.
 */

const olderRoles = { collaborator: "member", read_only: "viewer" } as const;

/** A role that can be given, under its name or an older client's. */
export const GrantedRole = choice(["admin", "member", "viewer", "collaborator", "read_only"]);
export type GrantedRole = Static<typeof GrantedRole>;

export const MemberAnswer = strictObject({
  user_id: Type.String(),
  email: Type.String(),
  name: nullable(Type.String()),
  role: choice(roles),
  joined_at: Type.String({ format: "date-time" }),
  last_seen_at: nullable(Type.String({ format: "date-time" })),
});
export type MemberAnswer = Static<typeof MemberAnswer>;

/** Who acts on another's membership; a key has no role and is nobody's owner. */
export interface Actor {
  userId: string | null;
  role: Role | null;
}

export function actorOf(caller: Caller): Actor {
  return caller.kind === "member"
    ? { userId: caller.userId, role: caller.role }
    : { userId: caller.kind === "person" ? caller.userId : null, role: null };
}

export function canonicalRole(role: GrantedRole): Exclude<Role, "owner"> {
  return role === "collaborator" || role === "read_only" ? olderRoles[role] : role;
}

/** Throws `ROLE_EXCEEDED` unless the actor may give or take this role: admin is the owner's to give and to take. */
export function refuseRole(actor: Actor, role: Role): void {
  if (role !== "admin" && role !== "owner") return;
  if (role === "admin" && actor.role === "owner") return;
  throw new AppError("ROLE_EXCEEDED", "Only the owner grants or removes the role admin.");
}

/** The membership under its new role. Throws `OWNER_REQUIRED` for the owner's, `ROLE_EXCEEDED` for one's own and beyond the actor. */
export function withRole(member: MembershipDocument, role: Exclude<Role, "owner">, actor: Actor): MembershipDocument {
  refuseOwner(member);
  if (member.userId === actor.userId) throw new AppError("ROLE_EXCEEDED", "Nobody changes their own role.");
  if (member.role === role) return member;
  refuseRole(actor, member.role);
  refuseRole(actor, role);
  return { ...member, role };
}

/** The membership ended by another. Throws `OWNER_REQUIRED` for the owner's, `ROLE_EXCEEDED` for an admin's but by the owner. */
export function removedBy(member: MembershipDocument, actor: Actor): MembershipDocument {
  refuseOwner(member);
  refuseRole(actor, member.role);
  return { ...member, status: "REMOVED" };
}

/** The membership ended by the person. Throws `OWNER_REQUIRED` for the owner's. */
export function left(member: MembershipDocument): MembershipDocument {
  refuseOwner(member);
  return { ...member, status: "REMOVED" };
}

/** The membership of a person who has one, else 404. */
export function activeMember(body: MembershipDocument | undefined): MembershipDocument {
  if (body?.status === "ACTIVE") return body;
  throw new AppError("MEMBER_NOT_FOUND", "There is no such member in this organization.");
}

export function memberAnswer(member: MembershipDocument): MemberAnswer {
  return {
    user_id: member.userId,
    email: member.email,
    name: member.name,
    role: member.role,
    joined_at: member.joinedAt,
    last_seen_at: member.lastSeenAt,
  };
}

function refuseOwner(member: MembershipDocument): void {
  if (member.role !== "owner") return;
  throw new AppError("OWNER_REQUIRED", "An organization keeps its owner: transfer the ownership first.");
}
