import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { auditedEffects } from "#scripts/e2e/audited-effects.ts";
import { pathsBelow, type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import { openForOrg } from "#shared/access/org-keys.ts";
import type { AlertRuleDocument } from "#shared/alerts/alert-rule.ts";
import type { ChannelDocument } from "#shared/notifications/channel.ts";
import { type DeletionAnswer, deleteOrganization } from "#shared/offboarding/delete-organization.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import type { HistoryMessage } from "#shared/runtime/change.ts";
import { onboard } from "./onboarding.ts";
import type { OnboardingReport } from "./onboarding-report.ts";
import type { AskedOrganization } from "./onboarding-request.ts";
import { adminCreate } from "./sign-up.ts";

const now = "2026-08-10T12:00:00.000Z";
let world: World;
let documents: RecordedDocuments;
let ports: EnginePorts;
beforeEach(async () => {
  world = await startWorld({ now });
  documents = recordedDocuments(world.ports.documents);
  ports = { ...world.ports, documents };
});
afterEach(() => world.stop());

const effects = () => auditedEffects<OnboardingReport>("organization.onboarded", ports);
function onboarded(slug: string, fields: Partial<AskedOrganization> = {}, by = ports): Promise<OnboardingReport> {
  const request = { org_slug: slug, company_name: `${slug} Inc.`, admin_email: "Admin@Bücher.example", ...fields };
  return onboard(request, effects(), by);
}
function deleted(slug: string): Promise<DeletionAnswer> {
  const asked = { slug, caller: { kind: "root", credentialId: "root" } as const, request: { confirm_org_slug: slug } };
  return deleteOrganization(asked, auditedEffects<DeletionAnswer>("organization.deleted", ports), ports);
}

const below = <T>(start: string): T[] => pathsBelow(documents, start).map((path) => documents.stored.get(path) as T);
const channels = (key: string) => below<ChannelDocument>(`orgs/${key}/channels/`);
const rules = (key: string) => below<AlertRuleDocument>(`orgs/${key}/alert-rules/`);
const rowsOf = (table: string, key: string) =>
  below<{ topic: string; payload: HistoryMessage }>("outbox/")
    .filter(({ topic, payload }) => topic === "history" && payload.table === table)
    .flatMap(({ payload }) => payload.rows)
    .filter((row) => String(row["org_slug"]).toLowerCase() === key);

async function addressesOf({ orgId, channelId, secretVersion, sealed }: ChannelDocument): Promise<unknown> {
  const context = `v1|${orgId}|channel|${channelId}|${secretVersion}`;
  return JSON.parse(await openForOrg(orgId, sealed, context, world.ports));
}

/** The table of `budgets-alerts-notifications.md` 3.2, of the rules that it says are made at onboarding. */
const systemRules: [type: string, category: string, priority: string, conditions: object][] = [
  ["budget_forecast", "cost", "high", { forecast_threshold_percent: 100, min_stable_days: 5, hysteresis_percent: 5 }],
  ["budget_percent", "cost", "high", {}],
  ["cost_anomaly", "cost", "high", { by: "provider", direction: "both", sensitivity: "normal", min_amount: "10" }],
  ["data_freshness", "pipeline", "high", { max_hours_since_update: 26, check_type: "both" }],
  ["integration_health", "integration", "high", { check_type: "connection" }],
  ["pipeline_failure", "pipeline", "high", { pipeline_patterns: ["*"], consecutive_failures: 2 }],
  [
    ...(["quota_usage", "system", "medium"] as const),
    { thresholds: [80, 90, 100], quotas: ["daily", "monthly", "providers", "seats"] },
  ],
  [
    ...(["reconciliation_residual", "system", "high"] as const),
    { measure: "unexplained", threshold_percent: 2, min_absolute_change: "10" },
  ],
  ["subscription_renewal", "subscription", "medium", { days_before_renewal: [30, 14, 7, 1] }],
  ["trial_ending", "subscription", "high", { days_before: [7, 3, 1, 0] }],
  ["unit_sanity", "system", "critical", {}],
  ["unpriced_usage", "system", "high", { min_quantity: 1 }],
];

describe("an organization that is made", () => {
  it("has a billing account of the operator's, whole, without a trial on FREE", async () => {
    const { org_id } = await onboarded("Founded");

    expect(documents.stored.get("orgs/founded/billing/account")).toEqual({
      orgId: org_id,
      mode: "operator",
      customerIntent: null,
      interval: null,
      currency: "usd",
      lookupKey: null,
      extraSeats: 0,
      periodStartAt: null,
      periodEndAt: null,
      cancelsAt: null,
      scheduledPlan: null,
      scheduledAt: null,
      trialUsedAt: null,
      firstPaidAt: null,
      pastDueSinceAt: null,
      openCheckoutId: null,
      paymentMethod: null,
      unknownPrice: null,
      fetchedAt: null,
    });
    expect((await ports.documents.get("orgs/founded/billing/account")).version).toBe(1);
  });

  it("has its trial in the account too, from the instant it began", async () => {
    const { trial_ends_at } = await onboarded("Founded", { subscription_plan: "PRO" });

    expect(documents.stored.get("orgs/founded/billing/account")).toMatchObject({
      trialUsedAt: now,
      periodStartAt: now,
      periodEndAt: trial_ends_at,
    });
    expect(documents.stored.get("orgs/founded")).toMatchObject({ trialUsed: true });
  });

  it("has one default channel that mails to admin_email, sealed, with its history row", async () => {
    const { org_id } = await onboarded("Founded");

    const [channel, ...others] = channels("founded");
    if (channel === undefined) throw new Error("no channel");
    const { sealed, channelId, ...rest } = channel;
    expect(others).toEqual([]);
    expect(channelId).toMatch(/^chn_[0-9A-HJKMNP-TV-Z]{26}$/);
    expect(pathsBelow(documents, "orgs/founded/channels/")).toEqual([`orgs/founded/channels/${channelId}`]);
    expect(rest).toEqual({
      orgId: org_id,
      name: "default",
      channelType: "email",
      isDefault: true,
      isActive: true,
      disabledReason: null,
      secretVersion: 1,
      emailSubjectPrefix: null,
      createdBy: "system",
      updatedBy: null,
    });
    expect(sealed).toMatchObject({ alg: "A256GCM", keyName: `orgKeys/${org_id}` });
    const address = "admin@xn--bcher-kva.example";
    expect(await addressesOf(channel)).toEqual({ emailRecipients: [address], emailCcRecipients: [] });
    expect(rowsOf("org_notification_channels", "founded")).toEqual([
      expect.objectContaining({
        ...{ channel_id: channelId, org_slug: "Founded", channel_type: "email", name: "default" },
        ...{ is_default: true, is_active: true, email_recipients: [address], email_cc_recipients: [] },
        ...{ created_at: now, created_by: "system", version: 1, operation: "CREATE" },
      }),
    ]);
  });

  it("has every system rule with its defaults, on the default channels, each with its history row", async () => {
    const { org_id } = await onboarded("Founded");

    const made = rules("founded").toSorted((one, other) => (one.ruleType < other.ruleType ? -1 : 1));
    expect(made).toEqual(
      systemRules.map(([ruleType, ruleCategory, priority, conditions]) => ({
        ...{ orgId: org_id, ruleType, ruleCategory, priority, conditions },
        ruleId: expect.stringMatching(/^rule_[0-9A-HJKMNP-TV-Z]{26}$/),
        name: expect.stringMatching(/^.{1,100}$/),
        description: expect.stringMatching(/^.{1,500}$/),
        ...{ isSystem: true, isActive: true, providerFilter: [], serviceFilter: [], environment: null },
        ...{ hierarchyEntityId: null, notifyChannelIds: ["default"], notifyOn: ["opened", "worsened", "resolved"] },
        ...{ cooldownMinutes: 60, debounceMinutes: 0, batchWindowMinutes: null, maxAlertsPerDay: 10 },
        ...{ remindAfterMinutes: null, escalateAfterMins: null, escalateToChannelIds: [] },
        ...{ quietHoursStart: null, quietHoursEnd: null, quietHoursTimezone: null, quietHoursBypassCritical: false },
        ...{ subjectTemplate: null, bodyTemplate: null, createdBy: "system", updatedBy: null },
      })),
    );
    const paths = pathsBelow(documents, "orgs/founded/alert-rules/");
    expect(paths).toEqual(made.map(({ ruleId }) => `orgs/founded/alert-rules/${ruleId}`).sort());
    const rows = rowsOf("org_notification_rules", "founded");
    const told = ({ ruleId, ruleType, ruleCategory, conditions }: AlertRuleDocument) => [
      ...[ruleId, ruleType, ruleCategory, conditions, ["default"], 60, 1, "CREATE"],
    ];
    expect(
      rows.map((row) => [
        ...[row["rule_id"], row["rule_type"], row["rule_category"], row["conditions"], row["notify_channel_ids"]],
        ...[row["cooldown_minutes"], row["version"], row["operation"]],
      ]),
    ).toEqual(expect.arrayContaining(made.map(told)));
    expect(rows).toHaveLength(systemRules.length);
  });

  it("has rules that are silent as long as the installation says", async () => {
    const config = { ...ports.config, ALERTS_DEBOUNCE_MINUTES: 15 };

    await onboarded("Founded", {}, { ...ports, config });

    expect(new Set(rules("founded").map(({ cooldownMinutes }) => cooldownMinutes))).toEqual(new Set([15]));
  });

  it("has rules but no channel where there is nobody to write to", async () => {
    await adminCreate({ org_slug: "Nobody" }, effects(), ports);

    expect(channels("nobody")).toEqual([]);
    expect(rules("nobody")).toHaveLength(systemRules.length);
  });

  it("keeps what is sealed out of everything but what is meant to tell it", async () => {
    const { org_id } = await onboarded("Founded", { admin_email: "canary.channel@example.com" });
    const places = [...documents.stored].filter(([, body]) => JSON.stringify(body).includes("canary.channel"));

    const outbox = places.flatMap(([path, body]) =>
      path.startsWith("outbox/") ? [(body["payload"] as Partial<HistoryMessage>).table ?? body["topic"]] : [],
    );
    const others = places.flatMap(([path]) => (path.startsWith("outbox/") ? [] : [path.replace(/inv_\w+$/, "{id}")]));

    // The profile and the invite are addressed to a person; the histories have these columns (tables.md 2).
    expect(outbox.sort()).toEqual(["mail", "org_notification_channels", "org_profiles"]);
    expect(others.sort()).toEqual(["orgs/founded", "orgs/founded/invites/{id}"]);
    const [channel] = channels("founded");
    if (channel === undefined) throw new Error("no channel");
    const moved = { ...channel, channelId: "chn_other" };
    await expect(addressesOf(moved)).rejects.toMatchObject({ code: "SEALED_UNREADABLE" });
    expect(channel.orgId).toBe(org_id);
  });
});

describe("an organization that comes back", () => {
  it("keeps its channel and its rules as people left them, and nothing is made twice", async () => {
    await onboarded("Founded", { subscription_plan: "PRO" });
    const [rule] = rules("founded");
    const [channel] = channels("founded");
    const paused = `orgs/founded/alert-rules/${rule?.ruleId}`;
    const renamed = `orgs/founded/channels/${channel?.channelId}`;
    await ports.documents.transaction(async (tx) => {
      await tx.getAll([paused, renamed]);
      tx.set(paused, { ...rule, isActive: false });
      tx.set(renamed, { ...channel, name: "Finance" });
    });
    const before = [rules("founded"), channels("founded")];
    await deleted("Founded");
    world.clock.advance(3600);

    await onboarded("FOUNDED", { admin_email: "ADMIN@bücher.example" });

    expect([rules("founded"), channels("founded")]).toEqual(before);
    expect(rowsOf("org_notification_rules", "founded")).toHaveLength(systemRules.length);
    expect(rowsOf("org_notification_channels", "founded")).toHaveLength(1);
    expect(await ports.documents.get("orgs/founded/billing/account")).toMatchObject({
      version: 3,
      body: { trialUsedAt: now, mode: "operator", periodEndAt: null },
    });
  });

  it("has again what it lacks, and its new channel opens with its old keys", async () => {
    const { org_id } = await onboarded("Founded");
    const [gone, ...kept] = rules("founded");
    const [channel] = channels("founded");
    await ports.documents.transaction(async (tx) => {
      tx.delete(`orgs/founded/alert-rules/${gone?.ruleId}`);
      tx.delete(`orgs/founded/channels/${channel?.channelId}`);
    });
    await deleted("Founded");

    await onboarded("founded");

    const [fresh] = channels("founded");
    if (fresh === undefined) throw new Error("no channel");
    expect(fresh.channelId).not.toBe(channel?.channelId);
    expect(await addressesOf(fresh)).toMatchObject({ emailRecipients: ["admin@xn--bcher-kva.example"] });
    expect(rules("founded")).toEqual(expect.arrayContaining(kept));
    expect(rules("founded")).toHaveLength(systemRules.length);
    expect(pathsBelow(documents, "orgKeys/")).toEqual([`orgKeys/${org_id}`]);
  });
});
