import type { OrgIdentity } from "#shared/access/caller.ts";
import type { ApiKeyDocument } from "#shared/access/verify.ts";
import type { EffectiveSubscription, SubscriptionDocument } from "#shared/plans/subscription.ts";
import type { HistoryEntry } from "#shared/runtime/change.ts";
import type { OrgDocument } from "./organization.ts";

interface Recorded {
  /** The document's version after the change. */
  version: number;
  now: Date;
  operation: HistoryEntry["operation"];
}

export function profileHistory(org: OrgDocument, subscription: EffectiveSubscription, at: Recorded): HistoryEntry {
  return entry("org_profiles", at, {
    org_slug: org.slug,
    org_id: org.orgId,
    company_name: org.companyName,
    admin_email: org.adminEmail,
    org_dataset_id: org.dataset.id,
    dataset_location: org.dataset.location,
    status: org.state,
    subscription_plan: subscription.plan,
    default_currency: org.locale.defaultCurrency,
    default_country: org.locale.defaultCountry,
    default_language: org.locale.defaultLanguage,
    default_timezone: org.locale.defaultTimezone,
    fiscal_year_start_month: org.locale.fiscalYearStartMonth,
    date_format: org.locale.dateFormat,
    created_at: at.now.toISOString(),
    updated_at: at.now.toISOString(),
  });
}

export function subscriptionHistory(
  org: OrgIdentity,
  subscription: SubscriptionDocument,
  effective: EffectiveSubscription,
  at: Recorded,
): HistoryEntry {
  const { limits } = effective;
  return entry("org_subscriptions", at, {
    subscription_id: subscription.subscriptionId,
    org_slug: org.slug,
    plan_name: subscription.plan,
    status: subscription.status,
    billing_status: null,
    daily_limit: limits.daily,
    monthly_limit: limits.monthly,
    concurrent_limit: limits.concurrent,
    seat_limit: limits.seats,
    providers_limit: limits.providers,
    overrides: subscription.overrides,
    trial_end_date: subscription.trialEndsAt?.slice(0, 10) ?? null,
    trial_ends_at: subscription.trialEndsAt,
    grace_ends_at: subscription.graceEndsAt,
    subscription_end_date: subscription.endDate,
    created_at: at.now.toISOString(),
    updated_at: at.now.toISOString(),
  });
}

export function apiKeyHistory(org: OrgIdentity, key: ApiKeyDocument, hash: string, now: Date): HistoryEntry {
  return entry(
    "org_api_keys",
    { version: 1, now, operation: "CREATE" },
    {
      org_api_key_id: key.keyId,
      org_slug: org.slug,
      org_api_key_hash: hash,
      key_name: key.name,
      fingerprint: key.fingerprint,
      scopes: key.scopes,
      is_active: key.state !== "REVOKED",
      is_primary: key.primary,
      rotated_from: key.rotatedFrom,
      created_by: null,
      expires_at: key.expiresAt,
      revoked_at: key.revokedAt,
      last_used_at: key.lastUsedAt,
      created_at: now.toISOString(),
    },
  );
}

function entry(table: string, at: Recorded, row: Record<string, unknown>): HistoryEntry {
  return { table, operation: at.operation, version: at.version, row };
}
