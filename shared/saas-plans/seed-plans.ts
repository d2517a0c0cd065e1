import { type Static, Type } from "@sinclair/typebox";
import { configFile } from "#shared/platform/config-files.ts";
import { strictObject, validBody } from "#shared/runtime/schema.ts";
import { billingCycles, pricingModels } from "./plan.ts";
import type { SaasProviderDocument } from "./plan-providers.ts";

const price = Type.String({ pattern: "^(\\d{1,10}(\\.\\d{1,6})?)?$" });

const SeedPlan = strictObject({
  provider: Type.String({ pattern: "^[a-z0-9_]{2,50}$" }),
  provider_name: Type.String({ minLength: 1, maxLength: 200 }),
  category: Type.String({ minLength: 1, maxLength: 50 }),
  plan_name: Type.String({ pattern: "^[A-Z0-9_+.-]{1,50}$" }),
  display_name: Type.String({ minLength: 1, maxLength: 200 }),
  plan_type: Type.String({ minLength: 1, maxLength: 50 }),
  pricing_model: Type.Union(pricingModels.map((value) => Type.Literal(value))),
  billing_cycle: Type.Union(billingCycles.map((value) => Type.Literal(value))),
  currency: Type.String({ pattern: "^[A-Z]{3}$" }),
  unit_price: price,
  yearly_price: price,
  seats: Type.Literal("0"),
  as_of: Type.String({ format: "date" }),
  source: Type.String({ minLength: 1, maxLength: 50 }),
  notes: Type.String({ maxLength: 1000 }),
});
/** A row of the seed file: texts; an empty price is unknown. */
export type SeedPlan = Static<typeof SeedPlan>;

const SeedFile = strictObject({ plans: Type.Array(SeedPlan, { minItems: 1 }) });

let loaded: Promise<readonly SeedPlan[]> | undefined;

/** `configs/saas/seed/data/saas_subscription_plans.csv`, read and checked once: prices to start from, nobody's contract. */
export function seedPlans(): Promise<readonly SeedPlan[]> {
  loaded ??= configFile("saas/seed/data/saas_subscription_plans.csv").then(
    async (rows) => (await validBody(SeedFile, { plans: rows })).plans,
  );
  return loaded;
}

/** The switch of a provider as it is before anybody has touched it; its name is the slug where the file has none. */
export async function seededProvider(provider: string): Promise<SaasProviderDocument> {
  const row = (await seedPlans()).find((plan) => plan.provider === provider);
  return {
    provider,
    displayName: row?.provider_name ?? provider,
    category: row?.category ?? "other",
    isEnabled: false,
    seededAt: null,
  };
}
