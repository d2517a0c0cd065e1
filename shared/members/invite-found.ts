import { type Static, Type } from "@sinclair/typebox";
import { type Caller, type OrgIdentity, type SignedIn, sessionAccess } from "#shared/access/caller.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import { comparableEmail } from "#shared/people/email.ts";
import type { Snapshot, Transaction } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { AuditDetails, ExactLimit } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import {
  type OneTimeTokenDocument,
  oneTimeTokenHash,
  oneTimeTokenPath,
  spendToken,
} from "#shared/sessions/one-time-token.ts";
import { type InviteDocument, inviteNotFound } from "./invite.ts";
import { readInvite, readReceived } from "./invites-store.ts";
import { activeOrganization } from "./members-store.ts";

/** An invite as its receiver names it: by the mailed token, or by the id that `me` lists. */
export const InviteReference = strictObject({
  token: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  invite_id: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
});
export type InviteReference = Static<typeof InviteReference>;

/** Tries per address of the network, as for whatever takes a token. */
const answerLimit: ExactLimit = { per: "address", times: 10, windowSeconds: 600 };

/** What the endpoints for an invite's receiver have in common. */
export const receiverEndpoint = {
  method: "POST",
  access: sessionAccess(),
  uses: ["documents"],
  body: InviteReference,
  limits: [answerLimit],
} as const;

/** An invite of an organization that is ACTIVE, in whatever state. */
export interface FoundInvite {
  invite: InviteDocument;
  org: OrgIdentity;
  organization: OrgDocument;
  /** The token that is good for it, as this transaction has read it; undefined for an invite without. */
  token: Snapshot<OneTimeTokenDocument> | undefined;
}

/** Who is signed in; `FORBIDDEN` for a caller that is no person. */
export function signedInPerson(caller: Caller): SignedIn {
  if (caller.kind === "person" || caller.kind === "member") return caller;
  throw new AppError("FORBIDDEN", "Only a signed-in person may do this.");
}

/** Throws 422 unless exactly one of the two names is given. */
export function refuseAmbiguous({ token, invite_id: inviteId }: InviteReference): void {
  if ((token === undefined) !== (inviteId === undefined)) return;
  throw new AppError("INVALID_BODY", "Give either token or invite_id.", {
    fields: [
      { path: "/token", problem: "is required without invite_id, and not allowed with it" },
      { path: "/invite_id", problem: "is required without token, and not allowed with it" },
    ],
  });
}

/** The invite that a token is or was good for; `INVITE_NOT_FOUND`. A token that a newer one has replaced finds none. */
export async function inviteOfToken(token: string, tx: Pick<Transaction, "get">): Promise<FoundInvite> {
  const hash = oneTimeTokenHash(token, "invite");
  if (hash === undefined) throw inviteNotFound();
  const stored = await tx.get<OneTimeTokenDocument>(oneTimeTokenPath(hash));
  const { kind, org, subject } = stored.body ?? { kind: "invite", org: null, subject: "" };
  const invite = kind === "invite" && org !== null ? await readInvite(org, subject, tx) : undefined;
  if (invite?.tokenHash !== hash) throw inviteNotFound();
  return { invite, ...(await organizationOf(invite, tx)), token: stored };
}

/** The invite that its receiver names; by id only among those of the receiver's own address. `INVITE_NOT_FOUND`. */
export async function foundInvite(
  reference: InviteReference,
  receiver: { email: string },
  tx: Pick<Transaction, "get">,
): Promise<FoundInvite> {
  const { token, invite_id: inviteId = "" } = reference;
  if (token !== undefined) return inviteOfToken(token, tx);
  const { body } = await readReceived(receiver.email, tx);
  const entries = body?.invites ?? {};
  const entry = Object.hasOwn(entries, inviteId) ? entries[inviteId] : undefined;
  const invite = entry === undefined ? undefined : await readInvite(entry.org, inviteId, tx);
  if (invite === undefined) throw inviteNotFound();
  const stored =
    invite.tokenHash === null ? undefined : await tx.get<OneTimeTokenDocument>(oneTimeTokenPath(invite.tokenHash));
  return { invite, ...(await organizationOf(invite, tx)), token: stored };
}

/** Throws `INVITE_OTHER_PERSON` for anybody but the person of the invited address. */
export function refuseOtherPerson(invite: InviteDocument, receiver: { email: string }): void {
  if (comparableEmail(invite.email) === comparableEmail(receiver.email)) return;
  throw new AppError("INVITE_OTHER_PERSON", "This invite is for another address: sign in with the one it was sent to.");
}

/** What the row of an answer to an invite says; one that is only repeated leaves none. */
export function auditOf({ invite, org }: FoundInvite, isRepeated: boolean): AuditDetails {
  const { inviteId: resourceId, role, email } = invite;
  return { org, resourceId, details: { role, email }, isAudited: isRepeated };
}

/** Ends the invite's token with it. */
export function endToken({ token, invite }: FoundInvite, now: Date, change: Change): void {
  if (token?.body === undefined || invite.tokenHash === null) return;
  spendToken({ hash: invite.tokenHash, document: token.body }, now, change);
}

async function organizationOf(
  invite: InviteDocument,
  tx: Pick<Transaction, "get">,
): Promise<{ org: OrgIdentity; organization: OrgDocument }> {
  const organization = await activeOrganization(invite.org, tx);
  if (organization === undefined) throw inviteNotFound();
  return { org: { slug: organization.slug, key: invite.org, orgId: organization.orgId }, organization };
}
