import { describe, expect, it } from "vitest";
import { configFile } from "#shared/platform/config-files.ts";
import type { AppError } from "#shared/runtime/errors.ts";
import { checkedSystemRules, type SystemRule, systemRules } from "./system-rules.ts";

/** A copy of the shipped file in which the rule of a kind is another one. */
async function changed(ruleType: string, change: (rule: SystemRule) => object): Promise<unknown> {
  const { rules } = structuredClone((await configFile("alerts/system-rules.yml")) as { rules: SystemRule[] });
  return { rules: rules.map((rule) => (rule.rule_type === ruleType ? change(rule) : rule)) };
}

async function refusal(content: unknown): Promise<{ code: string; paths: string[] }> {
  const error = await checkedSystemRules(content).then(
    () => undefined,
    (thrown: unknown) => thrown as AppError,
  );
  return { code: error?.code ?? "none", paths: (error?.fields ?? []).map(({ path }) => path) };
}

describe("the file of system rules", () => {
  it("names each kind once, with names that tell them apart", async () => {
    const rules = await systemRules();

    expect(new Set(rules.map(({ rule_type }) => rule_type)).size).toBe(rules.length);
    expect(new Set(rules.map(({ name }) => name)).size).toBe(rules.length);
  });

  // The bounds of `budgets-alerts-notifications.md` 3.2.
  it.each([
    ["budget_forecast", "forecast_threshold_percent", 1001],
    ["budget_forecast", "min_stable_days", 2],
    ["budget_forecast", "hysteresis_percent", 51],
    ["cost_anomaly", "by", "team"],
    ["cost_anomaly", "min_amount", 10],
    ["cost_anomaly", "min_amount", "-1"],
    ["data_freshness", "max_hours_since_update", 721],
    ["integration_health", "check_type", "all"],
    ["integration_health", "check_type", undefined],
    ["pipeline_failure", "consecutive_failures", 0],
    ["pipeline_failure", "pipeline_patterns", []],
    ["quota_usage", "quotas", ["daily", "daily"]],
    ["reconciliation_residual", "measure", "both"],
    ["subscription_renewal", "days_before_renewal", [366]],
    ["unit_sanity", "threshold", 1],
  ])("is refused where %s has %s = %j, naming the place", async (ruleType, name, value) => {
    const content = await changed(ruleType, (rule) => {
      const { [name]: _, ...rest } = rule.conditions;
      return { ...rule, conditions: value === undefined ? rest : { ...rest, [name]: value } };
    });

    const { code, paths } = await refusal(content);

    expect(code).toBe("CONFIG_FILE_INVALID");
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) expect(path).toMatch(new RegExp(`^/rules/\\d+/conditions(/${name}.*)?$`));
  });

  it.each([
    ["a category that is none", { rule_category: "money" }],
    ["a priority that is none", { priority: "urgent" }],
    ["a name without letters", { name: "" }],
    ["a field that is none", { is_active: true }],
  ])("is refused with %s", async (_, fields) => {
    const content = await changed("unit_sanity", (rule) => ({ ...rule, ...fields }));

    expect((await refusal(content)).code).toBe("CONFIG_FILE_INVALID");
  });

  it("is refused where a kind is missing or stands twice, both told", async () => {
    const { rules } = (await configFile("alerts/system-rules.yml")) as { rules: SystemRule[] };
    const [first, ...others] = rules;

    const missing = await refusal({ rules: others });
    const twice = await refusal({ rules: [...rules, first] });

    expect([missing, twice]).toEqual([
      { code: "CONFIG_FILE_INVALID", paths: ["/rules"] },
      { code: "CONFIG_FILE_INVALID", paths: ["/rules"] },
    ]);
  });
});
