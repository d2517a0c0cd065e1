import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { emailAddress } from "#shared/people/email.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import { nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { type Locales, locales } from "./locale.ts";
import type { OrgAddress, OrgDocument, OrgProfile } from "./organization.ts";
import { emptyProfile, type OrganizationAnswer, organizationAnswer, profileAnswer } from "./organization-answer.ts";
import { readOrganization, refuseOtherVersion, storeOrganization } from "./organization-store.ts";

const optional = Type.Optional;
const text = (maximum: number) => optional(nullable(plainText(0, maximum)));

export const ProfileRequest = strictObject({
  company_name: optional(plainText(2, 200)),
  legal_name: text(200),
  admin_email: optional(plainText(3, 254)),
  contact_name: text(200),
  contact_phone: text(40),
  address: optional(
    nullable(
      strictObject({
        line1: text(200),
        line2: text(200),
        city: text(100),
        region: text(100),
        postal_code: text(20),
        country: text(2),
      }),
    ),
  ),
  tax_id: text(50),
  logo_url: optional(
    nullable(plainText(0, 2048, { pattern: "^($|https://[^\\s/]+)", description: "https; stored, never fetched" })),
  ),
  version: optional(Type.Integer({ minimum: 1, description: "The version the caller has seen" })),
});
export type ProfileRequest = Static<typeof ProfileRequest>;

/**
 * Changes what the request names of the profile and leaves the rest; an empty text means none. What stands already
 * writes nothing. Throws `VERSION_CONFLICT`, `INVALID_BODY`.
 */
export async function updateProfile(
  asked: { org: OrgIdentity; request: ProfileRequest },
  effects: Effects<OrganizationAnswer>,
): Promise<OrganizationAnswer> {
  const { org, request } = asked;
  const lists = await locales();
  return effects.commit(async (change) => {
    const read = await readOrganization(org, change);
    await effects.prepare(change);
    refuseOtherVersion(request.version, read);
    const next = changed(read.org, request, lists);
    const [before, after] = [facts(read.org), facts(next)];
    const names = Object.keys(after).filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
    const of = (all: Record<string, unknown>) => Object.fromEntries(names.map((name) => [name, all[name]]));
    const isSame = names.length === 0;
    const answer = organizationAnswer(isSame ? read : storeOrganization(read, next, change));
    const details = { old: of(before), new: of(after) };
    effects.conclude(change, answer, { resourceId: org.orgId, details, isAudited: isSame });
    return answer;
  });
}

function facts(org: OrgDocument): Record<string, unknown> {
  return { company_name: org.companyName, admin_email: org.adminEmail, ...profileAnswer(org) };
}

function changed(org: OrgDocument, request: ProfileRequest, lists: Locales): OrgDocument {
  const companyName = request.company_name === undefined ? org.companyName : tidy(request.company_name);
  const adminEmail = request.admin_email === undefined ? org.adminEmail : emailAddress(request.admin_email);
  const country = tidy(request.address?.country ?? "").toUpperCase();
  const problems: FieldProblem[] = [];
  if ([...(companyName ?? "")].length < 2)
    problems.push({ path: "/company_name", problem: "must have 2 to 200 characters" });
  if (adminEmail === undefined) problems.push({ path: "/admin_email", problem: "must be an e-mail address" });
  if (country !== "" && !Object.hasOwn(lists.countries, country))
    problems.push({ path: "/address/country", problem: "must be an ISO 3166-1 alpha-2 code" });
  if (adminEmail === undefined || problems.length > 0)
    throw new AppError("INVALID_BODY", "The profile is not valid; fields tells why.", { fields: problems });
  return { ...org, companyName, adminEmail, profile: changedProfile(org.profile ?? emptyProfile, request) };
}

function changedProfile(stored: OrgProfile, request: ProfileRequest): OrgProfile {
  const { address } = request;
  return {
    legalName: given(request.legal_name, stored.legalName),
    contactName: given(request.contact_name, stored.contactName),
    contactPhone: given(request.contact_phone, stored.contactPhone),
    address: address == null ? (address === null ? null : stored.address) : changedAddress(stored.address, address),
    taxId: given(request.tax_id, stored.taxId),
    logoUrl: given(request.logo_url, stored.logoUrl),
  };
}

function changedAddress(stored: OrgAddress | null, request: NonNullable<ProfileRequest["address"]>): OrgAddress | null {
  const address: OrgAddress = {
    line1: given(request.line1, stored?.line1),
    line2: given(request.line2, stored?.line2),
    city: given(request.city, stored?.city),
    region: given(request.region, stored?.region),
    postalCode: given(request.postal_code, stored?.postalCode),
    country: given(request.country, stored?.country)?.toUpperCase() ?? null,
  };
  return Object.values(address).every((line) => line === null) ? null : address;
}

/** What is asked for, tidied; what stands where nothing is asked; null for none. */
function given(asked: string | null | undefined, stored: string | null | undefined): string | null {
  if (asked === undefined) return stored ?? null;
  return tidy(asked ?? "") || null;
}

function tidy(text: string): string {
  return text.normalize("NFC").trim();
}
