import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { planNames } from "#shared/plans/plans.ts";
import { subscriptionStatuses } from "#shared/plans/subscription.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import {
  localeAnswer,
  localeFields,
  nullableInstant,
  type OrgAddress,
  type OrgDocument,
  type OrgProfile,
  orgStates,
} from "./organization.ts";
import { type ReadOrganization, readOrganization } from "./organization-store.ts";

const text = nullable(Type.String());

/** An organization as its people and systems see it: profile, locale, plan, state, dataset. */
export const OrganizationAnswer = strictObject({
  org_slug: Type.String(),
  org_id: Type.String(),
  company_name: Type.String(),
  legal_name: text,
  admin_email: Type.String(),
  contact_name: text,
  contact_phone: text,
  address: nullable(
    strictObject({ line1: text, line2: text, city: text, region: text, postal_code: text, country: text }),
  ),
  tax_id: text,
  logo_url: text,
  ...localeFields,
  subscription_plan: choice(planNames),
  subscription_status: choice(subscriptionStatuses),
  status: choice(orgStates),
  dataset_id: Type.String(),
  dataset_location: Type.String(),
  owner_user_id: text,
  created_at: nullableInstant,
  version: Type.Integer(),
});
export type OrganizationAnswer = Static<typeof OrganizationAnswer>;

export async function readOrganizationAnswer(org: OrgIdentity, documents: Documents): Promise<OrganizationAnswer> {
  return organizationAnswer(await readOrganization(org, documents));
}

export function organizationAnswer({ org, subscription, ...read }: ReadOrganization): OrganizationAnswer {
  return {
    org_slug: org.slug,
    org_id: org.orgId,
    company_name: org.companyName,
    admin_email: org.adminEmail,
    ...profileAnswer(org),
    ...localeAnswer(org.locale),
    subscription_plan: subscription.plan,
    subscription_status: subscription.status,
    status: org.state,
    dataset_id: org.dataset.id,
    dataset_location: org.dataset.location,
    owner_user_id: org.ownerUserId ?? null,
    created_at: read.createdAt ?? null,
    version: read.version,
  };
}

/** The profile as it is answered and audited. */
export function profileAnswer({ profile = emptyProfile }: Pick<OrgDocument, "profile">) {
  return {
    legal_name: profile.legalName,
    contact_name: profile.contactName,
    contact_phone: profile.contactPhone,
    address: profile.address === null ? null : addressAnswer(profile.address),
    tax_id: profile.taxId,
    logo_url: profile.logoUrl,
  };
}

export const emptyProfile: OrgProfile = {
  legalName: null,
  contactName: null,
  contactPhone: null,
  address: null,
  taxId: null,
  logoUrl: null,
};

function addressAnswer({ postalCode, ...address }: OrgAddress) {
  return { ...address, postal_code: postalCode };
}
