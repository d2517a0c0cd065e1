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

export interface Plan {
  aliases: string[];
  price: { month: string | null; year: string | null };
  limits: PlanLimits;
  requests_per_minute: number;
  trial_days: number;
  entitlements: Record<string, unknown>;
}

export type Plans = Record<PlanName, Plan>;

let loaded: Promise<Plans> | undefined;

/** The catalogue `configs/plans.yml`, read once. */
export function plans(): Promise<Plans> {
  loaded ??= configFile("plans.yml").then((content) => (content as { plans: Plans }).plans);
  return loaded;
}
