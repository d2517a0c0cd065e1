import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Transaction } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { type AlertRuleDocument, alertRuleCollection, alertRuleHistory, defaultChannels } from "./alert-rule.ts";
import { type SystemRule, systemRules } from "./system-rules.ts";

type FirstRulesPorts = Pick<Surroundings, "ids" | "config">;

/** The system rules as an organization begins with them, each under an id of its own: to be made before a transaction. */
export async function preparedRules(
  { orgId }: Pick<OrgIdentity, "orgId">,
  { ids, config }: FirstRulesPorts,
): Promise<AlertRuleDocument[]> {
  const cooldownMinutes = config.ALERTS_DEBOUNCE_MINUTES;
  return (await systemRules()).map((rule) => ruleOf(rule, { orgId, ruleId: ids.newId("rule"), cooldownMinutes }));
}

/**
 * Writes the system rules that the organization does not have, with their history rows; one that people have changed or
 * paused stays as it is. Reads before it answers what writes. Source: `budgets-alerts-notifications.md` 3.2.
 */
export async function firstRules(
  org: OrgIdentity,
  rules: readonly AlertRuleDocument[],
  tx: Pick<Transaction, "list">,
): Promise<(change: Change) => void> {
  const { documents } = await tx.list<AlertRuleDocument>({
    collection: alertRuleCollection(org),
    filters: [{ field: "isSystem", is: "==", value: true }],
    limit: 100,
  });
  const standing = new Set(documents.map(({ body }) => body.ruleType));
  const missing = rules.filter(({ ruleType }) => !standing.has(ruleType));
  return (change) => {
    for (const rule of missing) {
      change.create<AlertRuleDocument>(`${alertRuleCollection(org)}/${rule.ruleId}`, rule);
      const at = { version: 1, createdAt: change.now.toISOString(), now: change.now };
      change.history(alertRuleHistory(org, rule, at));
    }
  };
}

function ruleOf(
  rule: SystemRule,
  given: { orgId: string; ruleId: string; cooldownMinutes: number },
): AlertRuleDocument {
  return {
    ruleId: given.ruleId,
    orgId: given.orgId,
    isSystem: true,
    name: rule.name,
    description: rule.description,
    ruleCategory: rule.rule_category,
    ruleType: rule.rule_type,
    conditions: rule.conditions,
    priority: rule.priority,
    isActive: true,
    providerFilter: [],
    serviceFilter: [],
    environment: null,
    hierarchyEntityId: null,
    notifyChannelIds: [defaultChannels],
    notifyOn: ["opened", "worsened", "resolved"],
    cooldownMinutes: given.cooldownMinutes,
    debounceMinutes: 0,
    batchWindowMinutes: null,
    maxAlertsPerDay: 10,
    remindAfterMinutes: null,
    escalateAfterMins: null,
    escalateToChannelIds: [],
    quietHoursStart: null,
    quietHoursEnd: null,
    quietHoursTimezone: null,
    quietHoursBypassCritical: false,
    subjectTemplate: null,
    bodyTemplate: null,
    createdBy: "system",
    updatedBy: null,
  };
}
