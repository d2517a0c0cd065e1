import { type Static, Type } from "@sinclair/typebox";
import { configFile, configFolder } from "#shared/platform/config-files.ts";
import { choice, strictObject, validBody } from "#shared/runtime/schema.ts";
import { billingPeriods, type ProviderSubscriptionDocument, tierTypes } from "./provider-subscription.ts";
import { defaultAgreement } from "./subscription-fields.ts";
import { subscriptionVersion } from "./subscription-version.ts";

const SeedRow = strictObject({
  subscription_name: Type.String({ minLength: 1, maxLength: 100 }),
  tier_type: choice(tierTypes),
  billing_period: choice(billingPeriods),
  notes: Type.String({ maxLength: 1000 }),
});
const SeedFile = strictObject({ rows: Type.Array(SeedRow) });

const loaded = new Map<string, Promise<Static<typeof SeedFile>["rows"]>>();

/** Tiers that a provider has for everybody (`configs/<provider>/seed/subscriptions.csv`): they charge nothing themselves. */
export function subscriptionSeeds(provider: string): Promise<Static<typeof SeedFile>["rows"]> {
  const known = loaded.get(provider) ?? load(provider);
  loaded.set(provider, known);
  return known;
}

async function load(provider: string): Promise<Static<typeof SeedFile>["rows"]> {
  const hasSeeds = (await configFolder("")).includes(provider) && (await configFolder(provider)).includes("seed");
  if (!hasSeeds) return [];
  const rows = await configFile(`${provider}/seed/subscriptions.csv`);
  return (await validBody(SeedFile, { rows })).rows;
}

/** Instant and day since which seeds are there for everybody. */
const always = { now: "2000-01-01T00:00:00.000Z", by: "platform", startDate: "2000-01-01" };

/** The seeds as subscriptions that nobody has touched, read through: they are stored when somebody changes one. */
export async function seededSubscriptions(provider: string, currency: string): Promise<ProviderSubscriptionDocument[]> {
  const rows = await subscriptionSeeds(provider);
  return rows.map((row) => {
    const subscriptionId = `psub_${provider}_${row.subscription_name.toLowerCase().replace(/[^a-z0-9_-]/g, "_")}`;
    const empty = { subscriptionId, provider, name: row.subscription_name, isCustom: false, versions: [] };
    const agreement = {
      ...defaultAgreement(currency),
      tierType: row.tier_type,
      billingPeriod: row.billing_period,
      notes: row.notes === "" ? null : row.notes,
    };
    const days = { startDate: always.startDate, endDate: null, fiscalYearStartMonth: 1 };
    return { ...empty, versions: [subscriptionVersion(empty, agreement, days, always)] };
  });
}
