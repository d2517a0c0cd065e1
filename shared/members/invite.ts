import { type Static, Type } from "@sinclair/typebox";
import { type Role, roles } from "#shared/access/roles.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";

const dayMilliseconds = 86_400_000;
const memberInviteDays = 7;
const ownerInviteDays = 30;
const keptDays = 90;

/** How an invite ends. One whose time is over is EXPIRED wherever it is shown, without anybody writing it. */
export const endedStatuses = ["ACCEPTED", "DECLINED", "CANCELLED"] as const;
export type EndedStatus = (typeof endedStatuses)[number];

/** Document `orgs/{key}/invites/{inviteId}` (`tables.md` 6). */
export interface InviteDocument {
  inviteId: string;
  org: string;
  /** As typed; addresses that differ in case only are one. */
  email: string;
  role: Role;
  /** Accepting it makes a present owner admin. */
  replacesOwner: boolean;
  status: "PENDING" | EndedStatus;
  message: string | null;
  /** SHA-256 of the only token that is good for it; an older one is dead. Null where only signing in accepts it. */
  tokenHash: string | null;
  /** User or key id; null for the platform's operator. */
  invitedBy: string | null;
  expiresAt: string;
  endedAt: string | null;
  /** Who accepted it. */
  userId: string | null;
  /** The store's time to live: 90 days after its end. */
  expireAt: string;
}

export const InviteAnswer = strictObject({
  invite_id: Type.String(),
  email: Type.String(),
  role: choice(roles),
  status: choice(["PENDING", "EXPIRED", ...endedStatuses]),
  expires_at: Type.String({ format: "date-time" }),
  message: nullable(Type.String()),
  invited_by: nullable(Type.String()),
});
export type InviteAnswer = Static<typeof InviteAnswer>;

export function invitePath(orgKey: string, inviteId: string): string {
  return `orgs/${orgKey}/invites/${inviteId}`;
}

/** Ids come from outside and become part of a path. */
export function isInviteId(text: string): boolean {
  return /^inv_[0-9A-HJKMNP-TV-Z]{26}$/.test(text);
}

/** A fresh invite: 7 days, the owner's 30. */
export function newInvite(
  asked: Pick<InviteDocument, "inviteId" | "org" | "email" | "role" | "message" | "invitedBy"> & {
    replacesOwner?: boolean;
  },
  tokenHash: string | null,
  now: Date,
): InviteDocument {
  const standing = { status: "PENDING" as const, endedAt: null, userId: null };
  return { replacesOwner: false, ...asked, ...standing, tokenHash, ...lifetime(asked.role, now) };
}

/** The invite with a new token and its whole time again. */
export function resent(invite: InviteDocument, tokenHash: string, now: Date): InviteDocument {
  return { ...invite, tokenHash, ...lifetime(invite.role, now) };
}

export function ended(invite: InviteDocument, status: EndedStatus, now: Date, userId: string | null = null) {
  return { ...invite, status, userId, endedAt: now.toISOString(), expireAt: after(now, keptDays) };
}

/** True until its instant, not at it: as its seat. */
export function isOpen(invite: InviteDocument, now: Date): boolean {
  return invite.status === "PENDING" && Date.parse(invite.expiresAt) > now.getTime();
}

/** An invite that has not ended, its time over or not; else 404. */
export function standingInvite(body: InviteDocument | undefined): InviteDocument {
  if (body?.status === "PENDING") return body;
  throw inviteNotFound();
}

/** The one answer for an invite that is unknown, used or ended. */
export function inviteNotFound(): AppError {
  return new AppError("INVITE_NOT_FOUND", "There is no such invite, or it is no longer open.");
}

export function inviteAnswer(invite: InviteDocument, now: Date): InviteAnswer {
  const isOver = invite.status === "PENDING" && !isOpen(invite, now);
  return {
    invite_id: invite.inviteId,
    email: invite.email,
    role: invite.role,
    status: isOver ? "EXPIRED" : invite.status,
    expires_at: invite.expiresAt,
    message: invite.message,
    invited_by: invite.invitedBy,
  };
}

function lifetime(role: Role, now: Date): { expiresAt: string; expireAt: string } {
  const days = role === "owner" ? ownerInviteDays : memberInviteDays;
  return { expiresAt: after(now, days), expireAt: after(now, days + keptDays) };
}

function after(now: Date, days: number): string {
  return new Date(now.getTime() + days * dayMilliseconds).toISOString();
}
