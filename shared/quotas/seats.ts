import { AppError } from "#shared/runtime/errors.ts";
import type { QuotaDocument } from "./quota.ts";

/**
 * Seats of an organization: its members and the live holds of its open invites. A hold ends by time alone, at the read;
 * nothing has to remove it. *Now* is the store's clock. Nothing here does I/O. Source: `organizations.md` 6.
 */
export interface Seats {
  /** Members and live holds. */
  used: number;
  /** Live holds alone. */
  held: number;
}

export function seatsOf(quota: QuotaDocument, now: Date): Seats {
  const held = Object.keys(liveHolds(quota, now)).length;
  return { used: quota.members + held, held };
}

/** Whether the invite holds a seat at `now`. */
export function holdsSeat(quota: QuotaDocument, inviteId: string, now: Date): boolean {
  return Object.hasOwn(liveHolds(quota, now), inviteId);
}

/**
 * Holds a seat for the invite until then (null: for ever), or moves the hold it has, which takes nothing. Throws
 * `PLAN_LIMIT_REACHED` for a further seat above the limit (null: unlimited). Holds that are over go.
 */
export function withHold(
  quota: QuotaDocument,
  hold: { inviteId: string; until: string | null },
  limit: number | null,
  now: Date,
): QuotaDocument {
  if (!holdsSeat(quota, hold.inviteId, now)) refuseFurtherSeat(quota, limit, now);
  return { ...quota, holds: { ...liveHolds(quota, now), [hold.inviteId]: hold.until } };
}

/** Frees what the invite holds, if anything. */
export function withoutHold(quota: QuotaDocument, inviteId: string, now: Date): QuotaDocument {
  const { [inviteId]: _freed, ...holds } = liveHolds(quota, now);
  return { ...quota, holds };
}

/** The invite's hold becomes a member; without one the member needs a free seat, else `PLAN_LIMIT_REACHED`. */
export function withMember(
  quota: QuotaDocument,
  inviteId: string | undefined,
  limit: number | null,
  now: Date,
): QuotaDocument {
  const isHeld = inviteId !== undefined && holdsSeat(quota, inviteId, now);
  if (!isHeld) refuseFurtherSeat(quota, limit, now);
  const freed = inviteId === undefined ? { ...quota, holds: liveHolds(quota, now) } : withoutHold(quota, inviteId, now);
  return { ...freed, members: quota.members + 1 };
}

/** Frees a member's seat. */
export function withoutMember(quota: QuotaDocument, now: Date): QuotaDocument {
  return { ...quota, members: Math.max(0, quota.members - 1), holds: liveHolds(quota, now) };
}

function refuseFurtherSeat(quota: QuotaDocument, limit: number | null, now: Date): void {
  if (limit === null || seatsOf(quota, now).used < limit) return;
  throw new AppError("PLAN_LIMIT_REACHED", `Plan limit reached. Max seats: ${limit}.`, {
    extra: { quota: "seats" },
    fields: [{ path: "/quota/seats", problem: `limit of ${limit} is reached` }],
  });
}

function liveHolds(quota: QuotaDocument, now: Date): QuotaDocument["holds"] {
  const live = Object.entries(quota.holds).filter(([, until]) => until === null || Date.parse(until) > now.getTime());
  return Object.fromEntries(live);
}
