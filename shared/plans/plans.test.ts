import { describe, expect, it } from "vitest";
import { planNamed, planNames, plans } from "./plans.ts";

const catalogue = await plans();

describe("the catalogue of plans", () => {
  // The rows of `organizations.md` 5 below the limits; null = unlimited.
  const all = ["email", "slack", "teams", "pagerduty", "webhook"];
  it.each([
    ["FREE", ["0", "0"], 1440, "weekly", false, false, [3, 0, 1], ["email"], 100, 1, 0],
    ["STARTER", ["19", "190"], 360, "daily", true, false, [20, 10, 3], ["email", "slack"], 300, 10, 0],
    ["PROFESSIONAL", ["69", "690"], 60, "daily", true, true, [200, 100, 10], all, 600, 100, 14],
    ["SCALE", ["199", "1990"], 15, "daily", true, true, [null, null, null], all, 1200, 1000, 0],
    ["ENTERPRISE", [null, null], 15, "daily", true, true, [null, null, null], all, 3000, 10_000, 0],
  ] as const)(
    "holds every row of %s",
    (name, price, sync, digest, alerts, tips, most, channels, requests, events, trial) => {
      const plan = catalogue[name];
      const rights = plan.entitlements;

      expect([plan.price.month, plan.price.year]).toEqual(price);
      expect(rights.sync_interval_minutes).toBe(sync);
      expect(rights.digest_frequency).toBe(digest);
      expect([rights.alerts_enabled, rights.tips_enabled]).toEqual([alerts, tips]);
      expect([rights.max_budgets, rights.max_alert_rules, rights.max_channels]).toEqual(most);
      expect(rights.channel_types).toEqual(channels);
      expect([plan.requests_per_minute, rights.events_per_second]).toEqual([requests, events]);
      expect(plan.trial_days).toBe(trial);
    },
  );

  it("holds these plans and no others", () => {
    expect(Object.keys(catalogue)).toEqual(planNames);
  });
});

describe("the name of a plan", () => {
  it.each([
    ["PRO", "PROFESSIONAL"],
    ["pro", "PROFESSIONAL"],
    [" Professional ", "PROFESSIONAL"],
    ["free", "FREE"],
    ["GOLD", undefined],
    ["", undefined],
    ["constructor", undefined],
  ])("%j means %s", (text, plan) => {
    expect(planNamed(text, catalogue)).toBe(plan);
  });
});
