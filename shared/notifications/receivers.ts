import type { MembershipDocument } from "#shared/access/roles.ts";
import { informedOf } from "#shared/members/informed.ts";
import { comparableEmail } from "#shared/people/email.ts";
import { type PersonDocument, userPath } from "#shared/people/person.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { allDocuments, type WholeQuery } from "#shared/platform/documents/pages.ts";

/** A person who is told something by mail. */
export interface Receiver {
  to: string;
  language: string;
}

/** The organization's name with its owner and admins, each address once. */
export interface Leaders {
  company: string;
  receivers: Receiver[];
}

/** While there is no owner, the address that the organization was made for; undefined where there is no organization. */
export async function leadersOf(orgKey: string, documents: Documents): Promise<Leaders | undefined> {
  const informed = await informedOf({ key: orgKey }, documents);
  if (informed === undefined) return undefined;
  const members = await leadingMembers(orgKey, documents);
  const people = await documents.getAll<PersonDocument>(members.map(({ userId }) => userPath(userId)));
  const { to, company, language } = informed;
  const all = [
    ...members.map(({ email }, at) => ({ to: email, language: people[at]?.body?.language ?? language })),
    { to, language },
  ];
  const byAddress = new Map(all.toReversed().map((receiver) => [comparableEmail(receiver.to), receiver]));
  // An organization made by an older operator's tool may have no address at all.
  byAddress.delete("");
  return { company, receivers: [...byAddress.values()] };
}

async function leadingMembers(orgKey: string, documents: Documents): Promise<MembershipDocument[]> {
  const active: WholeQuery = {
    collection: `orgs/${orgKey}/members`,
    filters: [{ field: "status", is: "==", value: "ACTIVE" }],
    orderBy: [{ field: "joinedAt", direction: "asc" }],
  };
  const members = await allDocuments<MembershipDocument>(active, documents);
  return members.map(({ body }) => body).filter(({ role }) => role === "owner" || role === "admin");
}
