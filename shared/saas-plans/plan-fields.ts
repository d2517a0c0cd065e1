import { type Static, Type } from "@sinclair/typebox";
import { choice, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { billingCycles, cycleAlignments, discountTypes, pricingModels } from "./plan.ts";

const optional = Type.Optional;

/** A decimal as number or text; how many decimals it may have is checked with the other rules of a plan. */
export function decimal(options: Record<string, unknown> = {}) {
  return Type.Union(
    [Type.Number({ minimum: 0 }), Type.String({ pattern: "^\\d{1,26}(\\.\\d{1,12})?$", maxLength: 40 }), Type.Null()],
    options,
  );
}

export function day(options: Record<string, unknown> = {}) {
  return Type.String({ format: "date", description: "UTC day", ...options });
}

const text = (longest: number) => optional(nullable(plainText(1, longest)));
export const seatCount = { minimum: 0, maximum: 1_000_000 };
/** Kept by older clients; what they say is derived from the entity when it is read. */
const derived = () =>
  optional(nullable(plainText(1, 1000, { description: "Accepted and not kept: it follows from the entity" })));

export const hierarchyEntity = optional(nullable(Type.String({ pattern: "^(?!__)[A-Za-z0-9_-]{1,128}$" })));

const changeable = {
  plan_type: text(50),
  display_name: text(200),
  category: text(50),
  pricing_model: optional(choice(pricingModels)),
  unit_price: optional(decimal({ description: "Per billing cycle; null is unknown" })),
  cost_per_cycle: optional(decimal({ description: "Older name: unit_price of a flat fee" })),
  price_per_user_monthly: optional(decimal({ description: "Older name: unit_price per seat, for a month" })),
  yearly_price: optional(decimal()),
  billing_cycle: optional(choice(billingCycles)),
  cycle_days: optional(nullable(Type.Integer({ minimum: 1, maximum: 1096 }))),
  cycle_alignment: optional(choice(cycleAlignments)),
  billing_anchor_day: optional(nullable(Type.Integer({ minimum: 1, maximum: 31 }))),
  currency: optional(Type.String({ pattern: "^[A-Za-z]{3}$" })),
  seats: optional(Type.Integer({ ...seatCount, alsoAs: ["number_of_users"] })),
  seats_used: optional(nullable(Type.Integer(seatCount))),
  discount_type: optional(nullable(choice(discountTypes))),
  discount_value: optional(decimal()),
  end_date: optional(nullable(day({ description: "Last charged UTC day" }))),
  auto_renew: optional(Type.Boolean()),
  renewal_date: optional(nullable(day())),
  payment_method: text(50),
  invoice_id_last: text(100),
  owner_email: optional(nullable(Type.String({ format: "email", maxLength: 254 }))),
  department: text(100),
  notes: text(1000),
  hierarchy_entity_id: hierarchyEntity,
  hierarchy_entity_name: derived(),
  hierarchy_level_code: derived(),
  hierarchy_path: derived(),
  hierarchy_path_names: optional(nullable(Type.Array(plainText(1, 200), { maxItems: 50 }))),
  cost_source: optional(choice(["manual", "integration"])),
  source_currency: optional(nullable(Type.String({ pattern: "^[A-Za-z]{3}$" }))),
  source_price: optional(decimal()),
  exchange_rate_used: optional(decimal()),
};

export const CreatePlan = strictObject({
  ...changeable,
  plan_name: Type.String({ pattern: "^[\\p{L}\\p{N}_+. -]{1,50}$" }),
  provider: optional(Type.String({ maxLength: 50, alsoAs: ["provider_name"] })),
  contract_id: text(100),
  start_date: optional(day({ alsoAs: ["effective_date"] })),
  is_enabled: optional(Type.Literal(true)),
});
export type CreatePlan = Static<typeof CreatePlan>;

export const CreateQuery = strictObject({ idempotency_key: optional(plainText(1, 255)) });

export const UpdatePlan = strictObject({
  ...changeable,
  expected_updated_at: optional(Type.String({ format: "date-time" })),
});
export type UpdatePlan = Static<typeof UpdatePlan>;

export const EditPlan = strictObject({ ...changeable, effective_date: day() });
export type EditPlan = Static<typeof EditPlan>;

const endDate = { end_date: optional(day({ description: "Last charged UTC day; today" })) };
export const EndDate = strictObject(endDate);

const endFields = {
  ...endDate,
  at: optional(choice(["date", "cycle_end"], { description: "At the day, or at the end of the cycle that holds it" })),
};
export const EndPlan = strictObject(endFields);
export type EndPlan = Static<typeof EndPlan>;

/** What every request about a plan may say of it. */
export type PlanChanges = Omit<UpdatePlan, "expected_updated_at">;
