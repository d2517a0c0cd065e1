import { configFile } from "#shared/platform/config-files.ts";

export const planNames = ["FREE", "STARTER", "PROFESSIONAL", "SCALE", "ENTERPRISE"] as const;
export type PlanName = (typeof planNames)[number];

/** Limits of a plan or a subscription; null = unlimited. */
export interface PlanLimits {
  daily: number | null;
  monthly: number | null;
  concurrent: number | null;
  seats: number | null;
  providers: number | null;
}

/** What a plan allows beside the five limits. Counts: null = unlimited. */
export interface Entitlements {
  sync_interval_minutes: number;
  digest_frequency: "weekly" | "daily";
  alerts_enabled: boolean;
  tips_enabled: boolean;
  max_budgets: number | null;
  max_alert_rules: number | null;
  max_channels: number | null;
  channel_types: string[];
  events_per_second: number;
}

export interface Plan {
  aliases: string[];
  /** List, in the catalogue's currency, without tax; null = by contract. */
  price: { month: string | null; year: string | null };
  limits: PlanLimits;
  requests_per_minute: number;
  trial_days: number;
  entitlements: Entitlements;
}

export type Plans = Record<PlanName, Plan>;

interface Catalogue {
  currency: string;
  plans: Plans;
}

let loaded: Promise<Catalogue> | undefined;

/** The catalogue `configs/plans.yml`, read once. */
export async function plans(): Promise<Plans> {
  return (await readCatalogue()).plans;
}

/** What the plans' prices are in: ISO 4217, lower case as Stripe writes it. */
export async function planCurrency(): Promise<string> {
  return (await readCatalogue()).currency;
}

function readCatalogue(): Promise<Catalogue> {
  loaded ??= configFile("plans.yml").then((content) => content as Catalogue);
  return loaded;
}

/** The plan that a name or an alias means, in any case; undefined for one that the catalogue does not hold. */
export function planNamed(text: string, catalogue: Plans): PlanName | undefined {
  const asked = text.trim().toUpperCase();
  return planNames.find((name) => name === asked || catalogue[name].aliases.includes(asked));
}
