import { emailPath } from "#shared/people/email.ts";
import type { Snapshot, Transaction } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { type InviteDocument, invitePath, isInviteId, isOpen } from "./invite.ts";

/**
 * Document `emails/{sha256}/invites/received`: where a person's invites are found, whatever organizations they are of.
 * An entry outlives its invite, so that accepting twice finds the same one; it goes with a write after its time.
 */
export interface ReceivedInvites {
  /** By invite id; `org` is the organization's key, `until` the end of the invite's document. */
  invites: Record<string, { org: string; until: string }>;
}

export function receivedInvitesPath(email: string): string {
  return `${emailPath(email)}/invites/received`;
}

/** What one transaction has read of an address's invites. */
export interface ReadReceived {
  email: string;
  body: ReceivedInvites | undefined;
  now: Date;
}

export async function readReceived(email: string, tx: Pick<Transaction, "get">): Promise<ReadReceived> {
  const { body, readAt } = await tx.get<ReceivedInvites>(receivedInvitesPath(email));
  return { email, body, now: readAt };
}

/** Enters the invite where its receiver finds it. */
export function enterReceived(read: ReadReceived, invite: InviteDocument, tx: Pick<Transaction, "set">): void {
  const entries = Object.entries(read.body?.invites ?? {});
  const kept = entries.filter(([, { until }]) => Date.parse(until) > read.now.getTime());
  const entry = { org: invite.org, until: invite.expireAt };
  tx.set<ReceivedInvites>(receivedInvitesPath(read.email), {
    invites: { ...Object.fromEntries(kept), [invite.inviteId]: entry },
  });
}

/** The invites that an address has received: of one organization, or of all. At most the hundred newest. */
export async function receivedInvites(
  { body }: Pick<ReadReceived, "body">,
  tx: Pick<Transaction, "getAll">,
  orgKey?: string,
): Promise<(Snapshot<InviteDocument> & { body: InviteDocument })[]> {
  const entries = Object.entries(body?.invites ?? {}).filter(([, { org }]) => orgKey === undefined || org === orgKey);
  const newest = entries.sort(([one], [other]) => other.localeCompare(one)).slice(0, 100);
  if (newest.length === 0) return [];
  const invites = await tx.getAll<InviteDocument>(newest.map(([id, { org }]) => invitePath(org, id)));
  return invites.flatMap((invite) => (invite.body === undefined ? [] : [{ ...invite, body: invite.body }]));
}

/** Throws `INVITE_PENDING` when the address has an open invite of the organization, other than the named ones. */
export async function refuseSecondInvite(
  read: ReadReceived,
  asked: { orgKey: string; except?: ReadonlySet<string> },
  tx: Pick<Transaction, "getAll">,
): Promise<void> {
  const invites = await receivedInvites(read, tx, asked.orgKey);
  const open = invites.find(({ body }) => !asked.except?.has(body.inviteId) && isOpen(body, read.now));
  if (open === undefined) return;
  throw new AppError("INVITE_PENDING", "This address has an open invite: resend or cancel it.", {
    fields: [{ path: "/email", problem: "has an open invite" }],
  });
}

/** The invite of an organization; undefined for an id that is none, without a look. */
export async function readInvite(
  orgKey: string,
  inviteId: string,
  tx: Pick<Transaction, "get">,
): Promise<InviteDocument | undefined> {
  return isInviteId(inviteId) ? (await tx.get<InviteDocument>(invitePath(orgKey, inviteId))).body : undefined;
}
