import type { OrgIdentity } from "#shared/access/caller.ts";
import { mailMessage } from "#shared/mail/mail-message.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";

export type OwnershipMailPorts = Pick<Surroundings, "ids" | "clock">;

interface Holder {
  email: string;
  name: string | null;
}

/** Tells the old owner and the new one that the ownership has changed hands. */
export function ownershipMails(
  handover: { org: OrgIdentity; organization: OrgDocument; from: Holder; to: Holder },
  change: Change,
  { ids }: Pick<OwnershipMailPorts, "ids">,
): void {
  const { org, organization, from, to } = handover;
  const company = organization.companyName;
  const language = organization.locale.defaultLanguage;
  const given = { name: "ownership-given" as const, to: from.email, values: { company, person: nameOf(to) } };
  const received = { name: "ownership-received" as const, to: to.email, values: { company, person: nameOf(from) } };
  for (const mail of [given, received]) change.publish(mailMessage({ ...mail, language }, ids), org);
}

function nameOf({ name, email }: Holder): string {
  return name ?? email;
}
