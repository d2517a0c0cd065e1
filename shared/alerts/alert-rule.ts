import type { OrgIdentity } from "#shared/access/caller.ts";
import type { HistoryEntry } from "#shared/runtime/change.ts";

export const ruleCategories = ["cost", "pipeline", "integration", "subscription", "system"] as const;
export const priorities = ["critical", "high", "medium", "low", "info"] as const;

/** Of an alert's life, what a rule may tell. */
type AlertEvent = "opened" | "worsened" | "acknowledged" | "resolved";

/** In place of a channel's id: all active default channels, or the owners' addresses where there is none. */
export const defaultChannels = "default";

/**
 * Document `orgs/{key}/alert-rules/{ruleId}`: what to watch and whom to tell. What evaluation finds is kept elsewhere: the
 * document's version is that of the rule. Whether the plan lets it be evaluated is the plan's to say, not the rule's.
 * Source: `budgets-alerts-notifications.md` 3.1.
 */
export interface AlertRuleDocument {
  ruleId: string;
  orgId: string;
  /** Made with the organization: it can be changed and paused, not deleted. */
  isSystem: boolean;
  name: string;
  description: string | null;
  ruleCategory: (typeof ruleCategories)[number];
  ruleType: string;
  /** By the names of the wire, amounts as decimal text. */
  conditions: Record<string, unknown>;
  priority: (typeof priorities)[number];
  /** False while it is paused. */
  isActive: boolean;
  /** Empty means all. */
  providerFilter: string[];
  serviceFilter: string[];
  environment: string | null;
  hierarchyEntityId: string | null;
  notifyChannelIds: string[];
  notifyOn: AlertEvent[];
  cooldownMinutes: number;
  debounceMinutes: number;
  batchWindowMinutes: number | null;
  maxAlertsPerDay: number;
  remindAfterMinutes: number | null;
  escalateAfterMins: number | null;
  escalateToChannelIds: string[];
  /** Local wall clock, `HH:MM`; null for what the organization has set. */
  quietHoursStart: string | null;
  quietHoursEnd: string | null;
  quietHoursTimezone: string | null;
  quietHoursBypassCritical: boolean;
  subjectTemplate: string | null;
  bodyTemplate: string | null;
  createdBy: string;
  updatedBy: string | null;
}

export function alertRuleCollection(org: Pick<OrgIdentity, "key">): string {
  return `orgs/${org.key}/alert-rules`;
}

/** A row of `org_notification_rules`. */
export function alertRuleHistory(
  org: OrgIdentity,
  rule: AlertRuleDocument,
  at: { version: number; createdAt: string; now: Date },
): HistoryEntry {
  return {
    table: "org_notification_rules",
    operation: at.version === 1 ? "CREATE" : "UPDATE",
    version: at.version,
    row: {
      rule_id: rule.ruleId,
      org_slug: org.slug,
      name: rule.name,
      description: rule.description,
      is_active: rule.isActive,
      priority: rule.priority,
      rule_category: rule.ruleCategory,
      rule_type: rule.ruleType,
      conditions: rule.conditions,
      provider_filter: rule.providerFilter,
      service_filter: rule.serviceFilter,
      hierarchy_entity_id: rule.hierarchyEntityId,
      notify_channel_ids: rule.notifyChannelIds,
      escalate_after_mins: rule.escalateAfterMins,
      escalate_to_channel_ids: rule.escalateToChannelIds,
      cooldown_minutes: rule.cooldownMinutes,
      batch_window_minutes: rule.batchWindowMinutes,
      quiet_hours_start: rule.quietHoursStart,
      quiet_hours_end: rule.quietHoursEnd,
      quiet_hours_timezone: rule.quietHoursTimezone,
      schedule_cron: null,
      last_triggered_at: null,
      created_at: at.createdAt,
      updated_at: at.now.toISOString(),
      created_by: rule.createdBy,
    },
  };
}
