import { type Static, Type } from "@sinclair/typebox";
import { configFile } from "#shared/platform/config-files.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import { choice, plainText, responseProblems, strictObject } from "#shared/runtime/schema.ts";
import { priorities, ruleCategories } from "./alert-rule.ts";

const percent = (minimum: number, maximum: number) => Type.Number({ minimum, maximum });
const count = (minimum: number, maximum: number) => Type.Integer({ minimum, maximum });
/** Decimal text in the organization's currency. */
const amount = Type.String({ pattern: "^(0|[1-9]\\d{0,14})(\\.\\d{1,12})?$" });
const several = <T extends Parameters<typeof Type.Array>[0]>(items: T) =>
  Type.Array(items, { minItems: 1, maxItems: 20, uniqueItems: true });

/** The conditions of each kind that a system rule has, with the bounds of `budgets-alerts-notifications.md` 3.2. */
const conditionsOf = {
  budget_percent: strictObject({}),
  budget_forecast: strictObject({
    forecast_threshold_percent: percent(1, 1000),
    min_stable_days: count(3, 28),
    hysteresis_percent: percent(0, 50),
  }),
  cost_anomaly: strictObject({
    by: choice(["total", "provider", "service", "model", "account", "entity"]),
    direction: choice(["up", "down", "both"]),
    sensitivity: choice(["low", "normal", "high"]),
    min_amount: amount,
  }),
  data_freshness: strictObject({
    max_hours_since_update: count(1, 720),
    check_type: choice(["stale", "missing", "both"]),
  }),
  integration_health: strictObject({ check_type: choice(["connection", "rate_limit", "credential_expiry"]) }),
  pipeline_failure: strictObject({ pipeline_patterns: several(plainText(1, 200)), consecutive_failures: count(1, 20) }),
  quota_usage: strictObject({
    thresholds: several(percent(1, 1000)),
    quotas: several(choice(["daily", "monthly", "providers", "seats"])),
  }),
  unpriced_usage: strictObject({ min_quantity: Type.Number({ minimum: 0 }) }),
  unit_sanity: strictObject({}),
  reconciliation_residual: strictObject({
    measure: choice(["unexplained", "residual"]),
    threshold_percent: percent(0, 100),
    min_absolute_change: amount,
  }),
  subscription_renewal: strictObject({ days_before_renewal: several(count(0, 365)) }),
  trial_ending: strictObject({ days_before: several(count(0, 365)) }),
};
type SystemRuleType = keyof typeof conditionsOf;
const ruleTypes = Object.keys(conditionsOf) as SystemRuleType[];

const SystemRule = strictObject({
  rule_type: choice(ruleTypes),
  rule_category: choice(ruleCategories),
  name: plainText(1, 100),
  description: plainText(1, 500),
  priority: choice(priorities),
  conditions: Type.Record(Type.String(), Type.Unknown()),
});
/** A rule that every organization has from its beginning. */
export type SystemRule = Static<typeof SystemRule>;

const RuleFile = strictObject({ rules: Type.Array(SystemRule) });

let loaded: Promise<readonly SystemRule[]> | undefined;

/** `configs/alerts/system-rules.yml`, read and checked once. Throws `CONFIG_FILE_INVALID`. */
export function systemRules(): Promise<readonly SystemRule[]> {
  loaded ??= configFile("alerts/system-rules.yml").then(checkedSystemRules);
  return loaded;
}

/** The rules of a file's content: every kind has exactly one, with its own conditions. Throws with every fault. */
export async function checkedSystemRules(content: unknown): Promise<readonly SystemRule[]> {
  refuse(await responseProblems(RuleFile, content));
  const { rules } = content as Static<typeof RuleFile>;
  const ofConditions = await Promise.all(rules.map((rule, at) => conditionProblems(rule, `/rules/${at}/conditions`)));
  const ofNumber = ruleTypes.flatMap((ruleType) => {
    const own = rules.filter(({ rule_type }) => rule_type === ruleType).length;
    return own === 1 ? [] : [{ path: "/rules", problem: `has ${own} rules of type ${ruleType}, not one` }];
  });
  refuse([...ofConditions.flat(), ...ofNumber]);
  return rules;
}

function refuse(fields: readonly FieldProblem[]): void {
  if (fields.length === 0) return;
  throw new AppError("CONFIG_FILE_INVALID", "alerts/system-rules.yml is not valid; fields tells why.", { fields });
}

async function conditionProblems({ rule_type, conditions }: SystemRule, path: string): Promise<FieldProblem[]> {
  const problems = await responseProblems(conditionsOf[rule_type], conditions);
  return problems.map((problem) => ({ ...problem, path: `${path}${problem.path}` }));
}
