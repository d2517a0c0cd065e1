import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { choice, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";

const optional = Type.Optional;
const value = () => plainText(1, 256);
const values = optional(Type.Array(value(), { minItems: 1, maxItems: 200 }));
const entity = Type.String({ minLength: 1, maxLength: 50 });
const day = Type.String({ format: "date" });
const decimal = Type.Union([Type.Number(), Type.String({ maxLength: 40 })]);

export const tagOps = ["eq", "in", "exists", "absent", "glob"] as const;
const TagCondition = strictObject({
  key: plainText(1, 128),
  op: choice(tagOps),
  values: optional(Type.Array(value(), { maxItems: 200 })),
  ignore_case: Type.Boolean({ default: false }),
});
export type TagCondition = Static<typeof TagCondition>;

/** What a rule looks at. All given conditions hold; within a list one is enough. */
export const RuleMatch = strictObject({
  providers: values,
  credential_ids: values,
  environments: values,
  service_categories: values,
  service_names: values,
  sub_account_ids: values,
  sub_account_names: values,
  billing_account_ids: values,
  api_key_ids: values,
  models: values,
  regions: values,
  charge_categories: values,
  charge_descriptions: values,
  resource_ids: values,
  plan_lines: values,
  tags: optional(Type.Array(TagCondition, { minItems: 1, maxItems: 20 })),
});
export type RuleMatch = Static<typeof RuleMatch>;

const MapEntry = strictObject({ value: value(), entity_id: entity });
export type MapEntry = Static<typeof MapEntry>;
const map = optional(Type.Array(MapEntry, { maxItems: 1000 }));
const Target = strictObject({ entity_id: entity, percent: decimal });

const EntityFrom = strictObject({
  tag: optional(plainText(1, 128)),
  attribute: optional(choice(["sub_account_id", "sub_account_name", "api_key_id"])),
  map,
  match_ids: Type.Boolean({ default: true }),
});
export type EntityFrom = Static<typeof EntityFrom>;

export const usageDimensions = ["api_key_id", "user_id", "sub_account_id", "model_id", "tag"] as const;
export const actionTypes = ["assign", "split", "usage_share", "spread"] as const;

/** What a rule does. Which fields go with which type is checked by `checkedAction`. */
export const RuleAction = strictObject({
  type: choice(actionTypes),
  entity_id: optional(entity),
  entity_from: optional(EntityFrom),
  targets: optional(Type.Array(Target, { minItems: 1, maxItems: 50 })),
  by: optional(choice(usageDimensions)),
  tag: optional(plainText(1, 128)),
  map,
  weight: optional(choice(["cost", "tokens", "requests", "even", "direct_cost", "metric"])),
  fallback: optional(choice(["unallocated", "trailing_30_days", "split"])),
  over: optional(Type.Array(entity, { minItems: 2, maxItems: 200 })),
  over_level: optional(Type.String({ minLength: 1, maxLength: 30 })),
  metric: optional(Type.String({ maxLength: 50 })),
  period: optional(choice(["day", "month"])),
});
export type RuleAction = Static<typeof RuleAction>;

const describing = {
  name: plainText(1, 100),
  description: nullable(plainText(0, 500)),
  priority: Type.Integer({ minimum: 1, maximum: 100_000 }),
  is_active: Type.Boolean(),
  effective_from: nullable(day),
  effective_to: nullable(day),
  overrides_explicit: Type.Boolean(),
  match: RuleMatch,
  action: RuleAction,
};

const optionalOf = <T extends TSchema>(schema: T) => Type.Optional(schema);

export const RuleRequest = strictObject({
  name: describing.name,
  description: optionalOf(describing.description),
  priority: optionalOf(describing.priority),
  is_active: optionalOf(describing.is_active),
  effective_from: optionalOf(describing.effective_from),
  effective_to: optionalOf(describing.effective_to),
  overrides_explicit: optionalOf(describing.overrides_explicit),
  match: optionalOf(describing.match),
  action: describing.action,
});
export type RuleRequest = Static<typeof RuleRequest>;

export const RuleUpdate = strictObject({
  name: optionalOf(describing.name),
  description: optionalOf(describing.description),
  priority: optionalOf(describing.priority),
  is_active: optionalOf(describing.is_active),
  effective_from: optionalOf(describing.effective_from),
  effective_to: optionalOf(describing.effective_to),
  overrides_explicit: optionalOf(describing.overrides_explicit),
  match: optionalOf(describing.match),
  action: optionalOf(describing.action),
  expected_version: Type.Optional(Type.Integer({ minimum: 1 })),
});
export type RuleUpdate = Static<typeof RuleUpdate>;

/** Document `orgs/{key}/allocationRules/{ruleId}`. Match and action stand as they are sent, ids in upper case. */
export interface AllocationRule {
  ruleId: string;
  name: string;
  description: string | null;
  priority: number;
  isActive: boolean;
  /** Charge days, both included; null: all time. */
  effectiveFrom: string | null;
  effectiveTo: string | null;
  overridesExplicit: boolean;
  match: RuleMatch;
  action: RuleAction;
  version: number;
  createdAt: string;
  createdBy: string;
  updatedAt: string;
  updatedBy: string;
}

export const RuleAnswer = strictObject({
  rule_id: Type.String(),
  ...describing,
  version: Type.Integer(),
  created_at: Type.String(),
  created_by: Type.String(),
  updated_at: Type.String(),
  updated_by: Type.String(),
});
export type RuleAnswer = Static<typeof RuleAnswer>;

export function ruleAnswer(rule: AllocationRule): RuleAnswer {
  return {
    rule_id: rule.ruleId,
    name: rule.name,
    description: rule.description,
    priority: rule.priority,
    is_active: rule.isActive,
    effective_from: rule.effectiveFrom,
    effective_to: rule.effectiveTo,
    overrides_explicit: rule.overridesExplicit,
    match: rule.match,
    action: rule.action,
    version: rule.version,
    created_at: rule.createdAt,
    created_by: rule.createdBy,
    updated_at: rule.updatedAt,
    updated_by: rule.updatedBy,
  };
}

/** The order in which rules are tried: by priority, ties by id. */
export function inRuleOrder(a: AllocationRule, b: AllocationRule): number {
  return a.priority - b.priority || (a.ruleId < b.ruleId ? -1 : a.ruleId > b.ruleId ? 1 : 0);
}
