import { type Static, Type } from "@sinclair/typebox";
import { apiKeyFingerprint } from "#shared/access/api-key.ts";
import type { FreshKey } from "#shared/api-keys/new-key.ts";
import type { InviteDocument } from "#shared/members/invite.ts";
import type { EffectiveSubscription, SubscriptionDocument } from "#shared/plans/subscription.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { localeAnswer, localeFields, nullableInstant, type OrgDocument } from "./organization.ts";

const text = Type.String();

const reportFields = {
  org_slug: text,
  org_id: text,
  company_name: text,
  admin_email: text,
  api_key: Type.String({ description: "Shown this once" }),
  api_key_id: text,
  api_key_fingerprint: text,
  subscription_plan: text,
  status: text,
  trial_ends_at: nullableInstant,
  ...localeFields,
  dataset_id: text,
  dataset_location: text,
  dataset_created: Type.Boolean(),
  tables_created: Type.Array(text),
  tables_existed: Type.Array(text),
  owner_invite: Type.Optional(strictObject({ email: text, expires_at: Type.String({ format: "date-time" }) })),
  resumed: Type.Boolean(),
  dryrun_status: text,
  message: text,
};

export const OnboardingReport = strictObject(reportFields);
export type OnboardingReport = Static<typeof OnboardingReport>;

/** What was found or made of the organization's dataset. */
export interface MadeDataset {
  datasetCreated: boolean;
  location: string;
  created: string[];
  existing: string[];
}

interface Reported {
  org: OrgDocument;
  fresh: FreshKey;
  stored: SubscriptionDocument | undefined;
  effective: EffectiveSubscription;
  made: MadeDataset;
  isResumed: boolean;
  invite: InviteDocument | undefined;
}

export function onboardingReport({
  org,
  fresh,
  stored,
  effective,
  made,
  isResumed,
  invite,
}: Reported): OnboardingReport {
  return {
    org_slug: org.slug,
    org_id: org.orgId,
    company_name: org.companyName,
    admin_email: org.adminEmail,
    api_key: fresh.apiKey,
    api_key_id: fresh.keyId,
    api_key_fingerprint: apiKeyFingerprint(fresh.apiKey),
    subscription_plan: effective.plan,
    status: effective.status,
    trial_ends_at: effective.status === "TRIAL" ? (stored?.trialEndsAt ?? null) : null,
    ...localeAnswer(org.locale),
    dataset_id: org.dataset.id,
    dataset_location: made.location,
    dataset_created: made.datasetCreated,
    tables_created: made.created,
    tables_existed: made.existing,
    ...(invite === undefined ? {} : { owner_invite: { email: invite.email, expires_at: invite.expiresAt } }),
    resumed: isResumed,
    dryrun_status: "PASSED",
    message: `${org.companyName} is ready. Keep the API key: it is shown this once.`,
  };
}
