import type { EffectiveSubscription } from "#shared/plans/subscription.ts";
import type { HistoryEntry } from "#shared/runtime/change.ts";
import type { OrgDocument } from "./organization.ts";

interface Recorded {
  /** The document's version after the change. */
  version: number;
  /** When the document was made; undefined when it is now. */
  createdAt?: string | undefined;
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
    created_at: at.createdAt ?? at.now.toISOString(),
    updated_at: at.now.toISOString(),
  });
}

function entry(table: string, at: Recorded, row: Record<string, unknown>): HistoryEntry {
  return { table, operation: at.operation, version: at.version, row };
}
