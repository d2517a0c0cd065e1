import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import type { Role } from "#shared/access/roles.ts";
import { mailMessage, sealMailToken } from "#shared/mail/mail-message.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import { type PersonDocument, personOf, userPath } from "#shared/people/person.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Keys } from "#shared/platform/keys/keys.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import type { InviteDocument } from "./invite.ts";
import { organizationPath } from "./members-store.ts";

export type InviteMailPorts = { documents: Documents; keys: Keys } & Pick<Surroundings, "ids">;

/** The mail of one invite, its token sealed: made before the transaction, sent if and only if that commits. */
export interface InviteMail {
  send(invite: InviteDocument, change: Change): void;
}

/** Who invites whom into what; names and languages may be seconds old. */
export async function inviteMail(
  asked: { org: OrgIdentity; caller: Caller; email: string; role: Role; message: string | null; token: string },
  given: InviteMailPorts,
): Promise<InviteMail> {
  const { org, caller, email, role, message } = asked;
  const [organization, receiver, inviter, token] = await Promise.all([
    given.documents.get<OrgDocument>(organizationPath(org.key)),
    personOf(email, given.documents),
    inviterOf(caller, given.documents),
    sealMailToken(asked.token, given),
  ]);
  const company = organization.body?.companyName ?? org.slug;
  const language = receiver?.language ?? organization.body?.locale.defaultLanguage ?? "en";
  const values = { company, role, inviter: inviter ?? company, message: message ?? "" };
  return {
    send: (invite, change) => {
      const expires = `${invite.expiresAt.slice(0, 16).replace("T", " ")} UTC`;
      const mail = { name: "invite" as const, to: email, values: { ...values, expires }, token, language };
      change.publish(mailMessage(mail, given.ids), org);
    },
  };
}

async function inviterOf(caller: Caller, documents: Documents): Promise<string | undefined> {
  if (caller.kind !== "member") return undefined;
  const { body } = await documents.get<PersonDocument>(userPath(caller.userId));
  return body?.name ?? caller.email;
}
