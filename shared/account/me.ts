import { type Static, Type } from "@sinclair/typebox";
import type { Caller } from "#shared/access/caller.ts";
import { type MembershipDocument, membershipPath, ownMembershipPath, roles } from "#shared/access/roles.ts";
import { isTimeZone, type Locales, locales } from "#shared/organizations/locale.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { Person, type PersonDocument, personAnswer, userPath } from "#shared/people/person.ts";
import type { Documents, Snapshot } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import { choice, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { OwnOrganization, ownMemberships, ownOrganizations } from "./own-organizations.ts";
import { openInvites } from "./owner-invites.ts";
import { personCaller } from "./person-caller.ts";

export const Me = strictObject({
  user: Person,
  organizations: Type.Array(OwnOrganization),
  pending_invites: Type.Array(
    strictObject({
      invite_id: Type.String(),
      org_slug: Type.String(),
      company_name: Type.String(),
      role: choice(roles),
      expires_at: Type.String({ format: "date-time" }),
    }),
  ),
});
export type Me = Static<typeof Me>;

export const MeUpdate = strictObject({
  name: Type.Optional(nullable(plainText(1, 200))),
  language: Type.Optional(Type.String({ maxLength: 10 })),
  timezone: Type.Optional(Type.String({ maxLength: 100 })),
});
export type MeUpdate = Static<typeof MeUpdate>;

/** Who is signed in, where they belong and where they are asked to. */
export async function me(caller: Caller, documents: Documents): Promise<Me> {
  const { userId, email } = personCaller(caller);
  const [person, organizations, invites] = await Promise.all([
    documents.get<PersonDocument>(userPath(userId)),
    ownOrganizations(userId, documents),
    openInvites(email, documents),
  ]);
  const inviting =
    invites.length === 0 ? [] : await documents.getAll<OrgDocument>(invites.map(({ org }) => orgPath(org)));
  return {
    user: personAnswer(person),
    organizations,
    pending_invites: invites.flatMap(({ inviteId, role, expiresAt }, at) => {
      const org = inviting[at]?.body;
      if (org?.state !== "ACTIVE") return [];
      return [{ invite_id: inviteId, org_slug: org.slug, company_name: org.companyName, role, expires_at: expiresAt }];
    }),
  };
}

/** Changes what the person says of themselves; the lists of their organizations show the new name at once. */
export async function updateMe(caller: Caller, update: MeUpdate, effects: Effects<Person>): Promise<Person> {
  const { userId } = personCaller(caller);
  const asked = normalized(update, await locales());
  return effects.commit(async (change) => {
    const stored = await change.get<PersonDocument>(userPath(userId));
    if (stored.body === undefined) throw new Error("a session names a person that is not stored");
    const next = { ...stored.body, ...asked };
    const isRenamed = next.name !== stored.body.name;
    const memberships = isRenamed ? await readOwnMemberships(userId, change) : [];
    await effects.prepare(change);
    const changed = (Object.keys(asked) as (keyof typeof asked)[]).filter((name) => next[name] !== stored.body?.[name]);
    if (changed.length > 0) change.set<PersonDocument>(userPath(userId), next);
    for (const { path, body } of memberships)
      if (body !== undefined) change.set<MembershipDocument>(path, { ...body, name: next.name });
    const answer = personAnswer({ ...stored, body: next });
    effects.conclude(change, answer, { resourceId: userId, details: { changed }, isAudited: changed.length === 0 });
    return answer;
  });
}

async function readOwnMemberships(userId: string, change: Change): Promise<Snapshot<MembershipDocument>[]> {
  const memberships = await ownMemberships(userId, change);
  const paths = memberships.flatMap(({ org }) => [membershipPath(org, userId), ownMembershipPath(userId, org)]);
  return paths.length === 0 ? [] : change.getAll<MembershipDocument>(paths);
}

function normalized(update: MeUpdate, lists: Locales): Partial<Pick<PersonDocument, "name" | "language" | "timezone">> {
  const { name, language, timezone } = update;
  const problems: FieldProblem[] = [];
  const written = name?.normalize("NFC").trim();
  if (written === "") problems.push({ path: "/name", problem: "must not be blank" });
  if (language !== undefined && !Object.hasOwn(lists.languages, language.toLowerCase()))
    problems.push({ path: "/language", problem: "is not a supported language" });
  if (timezone !== undefined && !isTimeZone(timezone))
    problems.push({ path: "/timezone", problem: "must be an IANA time zone" });
  if (problems.length > 0)
    throw new AppError("INVALID_BODY", `The body is not valid: ${problems[0]?.path} ${problems[0]?.problem}.`, {
      fields: problems,
    });
  return {
    ...(name === undefined ? {} : { name: written ?? null }),
    ...(language === undefined ? {} : { language: language.toLowerCase() }),
    ...(timezone === undefined ? {} : { timezone }),
  };
}
