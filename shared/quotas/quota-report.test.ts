import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { sqliteDocuments } from "#shared/platform/documents/sqlite-documents.ts";
import { emptyQuota, type QuotaDocument } from "./quota.ts";
import { quotaReport } from "./quota-report.ts";
import { quotaPath } from "./reserve.ts";
import { percentOf, warningLevel } from "./warnings.ts";

const org: OrgIdentity = { slug: "Acme", key: "acme", orgId: "org_01" };
const starter: SubscriptionDocument = {
  subscriptionId: "sub_01",
  plan: "STARTER",
  status: "ACTIVE",
  hold: false,
  overrides: {},
  trialEndsAt: null,
  graceEndsAt: null,
  endDate: null,
};

describe("percent and warning level", () => {
  // `organizations.md` 6, last rows of the table.
  it.each([
    [5, 6, 83.3, 80],
    [6, 6, 100, 100],
    [16, 20, 80, 80],
    [18, 20, 90, 90],
    [1, 2, 50, undefined],
    [2, 2, 100, 100],
    [1001, 1000, 100.1, 100],
    [0, 0, 100, 100],
    [0, 6, 0, undefined],
    [1, 16, 6.3, undefined],
    [7999, 10_000, 80, undefined],
    [8999, 10_000, 90, 80],
    [9999, 10_000, 100, 90],
    [10_000_000, 10_000_000, 100, 100],
  ])("of %i used of %i are %d and %s", (used, limit, percent, level) => {
    expect(percentOf(used, limit)).toBe(percent);
    expect(warningLevel(used, limit)).toBe(level);
  });

  it("of an unlimited thing is nothing", () => {
    expect(percentOf(5, null)).toBeNull();
  });
});

describe("the quota report", () => {
  let documents: Documents;
  let now: string;
  beforeEach(() => {
    now = "2026-02-28T23:00:00.000Z";
    documents = sqliteDocuments({
      file: ":memory:",
      clock: { now: () => new Date(now) },
      declared: async () => declareQueries([]),
    });
  });
  afterEach(() => documents.close());

  const store = (path: string, body: object): Promise<void> =>
    documents.transaction(async (tx) => {
      await tx.get(path);
      tx.set(path, body);
    });
  const storeQuota = (counters: Partial<QuotaDocument>) =>
    store(quotaPath(org), { ...emptyQuota(new Date(now)), ...counters });
  const connect = (...slugs: string[]) =>
    store("orgs/acme/integrations/index", { providers: Object.fromEntries(slugs.map((slug) => [slug, {}])) });

  it("says what the documents say, in both spellings", async () => {
    await store(subscriptionPath(org), starter);
    await connect("openai", "anthropic");
    await storeQuota({
      dayRuns: 5,
      monthRuns: 100,
      daySucceeded: 3,
      dayFailed: 1,
      dayMaxConcurrent: 2,
      running: { run_1: { until: "2026-02-28T23:10:00.000Z" }, run_2: { until: "2026-02-28T22:59:59.999Z" } },
      members: 1,
      holds: { inv_1: "2026-02-28T23:00:00.000Z" },
    });

    const report = await quotaReport(org, documents);

    expect(report).toEqual({
      org_slug: "Acme",
      plan_name: "STARTER",
      status: "ACTIVE",
      billing_status: null,
      can_run: true,
      blocked_by: null,
      usage_date: "2026-02-28",
      usage_month: "2026-02",
      pipelines_run_today: 5,
      daily_limit: 6,
      daily_remaining: 1,
      daily_usage_percent: 83.3,
      pipelines_run_month: 100,
      monthly_limit: 180,
      monthly_remaining: 80,
      monthly_usage_percent: 55.6,
      concurrent_pipelines_running: 1,
      concurrent_limit: 2,
      pipelines_succeeded_today: 3,
      pipelines_failed_today: 1,
      max_concurrent_reached: 2,
      configured_providers_count: 2,
      providers_limit: 3,
      seats_used: 1,
      seats_held: 0,
      seat_limit: 2,
      daily_resets_at: "2026-03-01T00:00:00.000Z",
      monthly_resets_at: "2026-03-01T00:00:00.000Z",
      warnings: [{ limit: "daily", used: 5, limit_value: 6, percent: 83.3, level: 80 }],
      last_updated: "2026-02-28T23:00:00.000Z",
      pipelinesRunToday: 5,
      dailyLimit: 6,
      pipelinesRunMonth: 100,
      monthlyLimit: 180,
      concurrentRunning: 1,
      concurrentLimit: 2,
      seatLimit: 2,
      providersLimit: 3,
      configuredProvidersCount: 2,
      usageDate: "2026-02-28",
      dailyUsagePercent: 83.3,
      monthlyUsagePercent: 55.6,
    });
  });

  it("warns of day, month, seats and providers, each once with its highest level", async () => {
    await store(subscriptionPath(org), { ...starter, overrides: { daily: 10, monthly: 1000, seats: 5 } });
    await connect("openai", "anthropic", "gcp");
    await storeQuota({ dayRuns: 9, monthRuns: 1001, members: 3, holds: { inv_owner: null, inv_old: now } });

    const { warnings } = await quotaReport(org, documents);

    expect(warnings).toEqual([
      { limit: "daily", used: 9, limit_value: 10, percent: 90, level: 90 },
      { limit: "monthly", used: 1001, limit_value: 1000, percent: 100.1, level: 100 },
      { limit: "seats", used: 4, limit_value: 5, percent: 80, level: 80 },
      { limit: "providers", used: 3, limit_value: 3, percent: 100, level: 100 },
    ]);
  });

  it("warns of nothing and leaves out what is unlimited", async () => {
    await store(subscriptionPath(org), { ...starter, plan: "SCALE" });
    await storeQuota({ dayRuns: 1_000_000, monthRuns: 1_000_000 });

    const report = await quotaReport(org, documents);

    expect(report).toMatchObject({
      daily_limit: null,
      daily_remaining: null,
      daily_usage_percent: null,
      can_run: true,
    });
    expect(report).toMatchObject({ monthly_limit: null, monthly_remaining: null, monthly_usage_percent: null });
    expect(report.warnings).toEqual([]);
  });

  it.each([
    ["daily", { dayRuns: 6 }],
    ["monthly", { dayRuns: 6, monthRuns: 180 }],
    ["concurrent", { running: { a: { until: "2026-02-28T23:00:00.001Z" }, b: { until: "2026-02-28T23:00:00.001Z" } } }],
  ])("names what blocks the next run: %s", async (limit, counters) => {
    await store(subscriptionPath(org), starter);
    await storeQuota(counters);

    expect(await quotaReport(org, documents)).toMatchObject({ can_run: false, blocked_by: limit });
  });

  it("shows less than nothing left as 0", async () => {
    await store(subscriptionPath(org), { ...starter, overrides: { daily: 3, monthly: 3 } });
    await storeQuota({ dayRuns: 6, monthRuns: 6 });

    const report = await quotaReport(org, documents);

    expect(report).toMatchObject({ daily_remaining: 0, monthly_remaining: 0, daily_usage_percent: 200 });
  });

  it("shows 0 on the first read after midnight, and the same again when the clock steps back", async () => {
    await store(subscriptionPath(org), starter);
    await storeQuota({ dayRuns: 6, monthRuns: 60, daySucceeded: 5, dayFailed: 1, dayMaxConcurrent: 2 });

    now = "2026-03-01T00:00:00.000Z";
    const after = await quotaReport(org, documents);
    now = "2026-02-28T22:00:00.000Z";
    const back = await quotaReport(org, documents);

    expect(after).toMatchObject({ usage_date: "2026-03-01", usage_month: "2026-03", can_run: true });
    expect(after).toMatchObject({ pipelines_run_today: 0, pipelines_run_month: 0, pipelines_failed_today: 0 });
    expect(after).toMatchObject({ max_concurrent_reached: 0, daily_remaining: 6, warnings: [] });
    expect(back).toMatchObject({ usage_date: "2026-02-28", pipelines_run_today: 6, pipelines_run_month: 60 });
  });

  it("follows a change of the subscription at once", async () => {
    await store(subscriptionPath(org), starter);
    await storeQuota({ dayRuns: 6, monthRuns: 6 });
    const before = await quotaReport(org, documents);

    await store(subscriptionPath(org), {
      ...starter,
      plan: "PROFESSIONAL",
      overrides: { daily: 1000, monthly: 25_000 },
    });

    const after = await quotaReport(org, documents);
    expect(before).toMatchObject({ plan_name: "STARTER", can_run: false, blocked_by: "daily" });
    expect(after).toMatchObject({ plan_name: "PROFESSIONAL", daily_limit: 1000, monthly_limit: 25_000, can_run: true });
  });

  it("never says that an organization without a readable subscription can run", async () => {
    const missing = await quotaReport(org, documents);
    await store(subscriptionPath(org), { ...starter, hold: true });
    const held = await quotaReport(org, documents);

    const blocked = { status: "SUSPENDED", can_run: false, blocked_by: "subscription", pipelines_run_today: 0 };
    expect([missing, held]).toMatchObject([blocked, blocked]);
    expect(missing.last_updated).toBeNull();
  });
});
