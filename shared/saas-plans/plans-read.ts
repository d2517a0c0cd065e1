import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { loadMinorDigits } from "#shared/money/currencies.ts";
import { fxBook } from "#shared/money/fx-store.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { billingCycles, isCharging, isLive, type PlanVersion, planStatus, pricingModels } from "./plan.ts";
import { PlanAnswer, planAnswer } from "./plan-answer.ts";
import { utcDay } from "./plan-days.ts";
import { day } from "./plan-fields.ts";
import { saasProviderOf } from "./plan-providers.ts";
import { isPlanId, planPath, planVersions, saasProviders } from "./plan-store.ts";
import { PlanTotals, planTotals } from "./plan-totals.ts";
import { planNotFound } from "./plan-writer.ts";
import { seededProvider, seedPlans } from "./seed-plans.ts";
import { inForce } from "./versions.ts";

const optional = Type.Optional;
export type PlanReadPorts = { documents: Documents } & Pick<Surroundings, "clock">;

export const ProviderList = strictObject({
  providers: Type.Array(
    strictObject({
      provider: Type.String(),
      display_name: Type.String(),
      category: Type.String(),
      is_enabled: Type.Boolean(),
      plan_count: Type.Integer(),
      charging_count: Type.Integer(),
    }),
  ),
  total: Type.Integer(),
});
export type ProviderList = Static<typeof ProviderList>;

export const PlansQuery = strictObject({
  include_disabled: optional(Type.Boolean({ description: "Also plans that have ended or were ended by hand; true" })),
  include_history: optional(Type.Boolean({ description: "Also versions that others have taken the place of" })),
  at: optional(day({ description: "The day as of which the plans are listed; today" })),
});
type PlansQuery = Static<typeof PlansQuery>;

export const PlanList = strictObject({ plans: Type.Array(PlanAnswer), total: Type.Integer(), ...PlanTotals });
export type PlanList = Static<typeof PlanList>;

export const AvailablePlans = strictObject({
  success: Type.Boolean(),
  provider: Type.String(),
  plans: Type.Array(
    strictObject({
      ...{ plan_name: Type.String(), display_name: Type.String(), plan_type: Type.String() },
      pricing_model: choice(pricingModels),
      billing_cycle: choice(billingCycles),
      currency: Type.String(),
      unit_price: nullable(Type.String()),
      yearly_price: nullable(Type.String()),
      price_known: Type.Boolean(),
      as_of: Type.String(),
      source: Type.String(),
      notes: nullable(Type.String()),
    }),
  ),
});
export type AvailablePlans = Static<typeof AvailablePlans>;

export const PlanHistory = strictObject({
  line_id: Type.String(),
  versions: Type.Array(PlanAnswer),
  total: Type.Integer(),
});
export type PlanHistory = Static<typeof PlanHistory>;

/** The providers of the seed file and those the organization has plans of. */
export async function listProviders(org: OrgIdentity, given: PlanReadPorts): Promise<ProviderList> {
  const [stored, versions, seeds] = await Promise.all([
    saasProviders(org, given.documents),
    planVersions(org, undefined, given.documents),
    seedPlans(),
  ]);
  const today = utcDay(given.clock.now());
  const slugs = new Set([...seeds.map(({ provider }) => provider), ...stored.keys()]);
  const listed = await Promise.all(
    [...slugs].sort().map(async (provider) => {
      const facts = stored.get(provider) ?? (await seededProvider(provider));
      const own = versions.filter((version) => version.provider === provider && isLive(version));
      return {
        provider,
        display_name: facts.displayName,
        category: facts.category,
        is_enabled: facts.isEnabled,
        plan_count: new Set(own.map(({ lineId }) => lineId)).size,
        charging_count: own.filter((version) => isCharging(version, today)).length,
      };
    }),
  );
  return { providers: listed, total: listed.length };
}

/** The plans of a provider: of each line the version in force on the day, or the next or last one. */
export async function listPlans(
  asked: { org: OrgIdentity; provider: string; query: PlansQuery },
  given: PlanReadPorts,
): Promise<PlanList> {
  const { org, query } = asked;
  const provider = saasProviderOf(asked.provider);
  const versions = await planVersions(org, provider, given.documents);
  const at = query.at ?? utcDay(given.clock.now());
  const shown = query.include_history === true ? versions : representatives(versions, at);
  const wanted = shown.filter((version) => (query.include_disabled ?? true) || isOn(version, at));
  return {
    plans: ordered(wanted).map((version) => planAnswer(version, org.slug, at)),
    total: wanted.length,
    ...(await totalsOf(org, versions, at, given)),
  };
}

function isOn(version: PlanVersion, at: string): boolean {
  return ["active", "pending"].includes(planStatus(version, at));
}

/** One version of each line: in force on the day, else the next, else the last that was not withdrawn. */
export function representatives(versions: readonly PlanVersion[], at: string): PlanVersion[] {
  const byLine = new Map<string, PlanVersion[]>();
  for (const version of versions.filter(({ withdrawnAt }) => withdrawnAt === null))
    byLine.set(version.lineId, [...(byLine.get(version.lineId) ?? []), version]);
  return [...byLine.values()].flatMap((line) => {
    const later = line.filter(({ startDate }) => startDate > at).sort(byStart);
    const last = [...line].sort(byStart).at(-1);
    return inForce(line, at) ?? later.find(isLive) ?? last ?? [];
  });
}

function byStart(a: PlanVersion, b: PlanVersion): number {
  return a.startDate === b.startDate ? a.version - b.version : a.startDate < b.startDate ? -1 : 1;
}

export function ordered(versions: readonly PlanVersion[]): PlanVersion[] {
  const key = ({ provider, planName, contractId }: PlanVersion) =>
    JSON.stringify([provider, planName, contractId ?? ""]);
  return [...versions].sort((a, b) => (key(a) === key(b) ? byStart(a, b) : key(a) < key(b) ? -1 : 1));
}

/** Totals of what charges on the day, in the organization's currency at the rates of that day. */
export async function totalsOf(
  org: OrgIdentity,
  versions: readonly PlanVersion[],
  today: string,
  given: PlanReadPorts,
): Promise<PlanTotals> {
  const { body } = await given.documents.get<OrgDocument>(orgPath(org.key));
  if (body === undefined) throw new AppError("ORG_NOT_FOUND", "There is no such organization.");
  const [digits, book] = await Promise.all([loadMinorDigits(), fxBook(org, given.documents)]);
  return planTotals(versions, { currency: body.locale.defaultCurrency, today, digits, book });
}

/** The plans of the seed file: prices to start from, with the day they were read. */
export async function availablePlans(asked: string): Promise<AvailablePlans> {
  const provider = saasProviderOf(asked);
  const plans = (await seedPlans()).filter((plan) => plan.provider === provider);
  if (plans.length === 0) throw new AppError("SAAS_PROVIDER_NOT_FOUND", "No plans of this provider are known.");
  const priceOf = (text: string): string | null => (text === "" ? null : text);
  return {
    success: true,
    provider,
    plans: plans.map(({ provider: _, provider_name, category, seats, unit_price, yearly_price, notes, ...plan }) => ({
      ...plan,
      unit_price: priceOf(unit_price),
      yearly_price: priceOf(yearly_price),
      price_known: unit_price !== "" || yearly_price !== "",
      notes: priceOf(notes),
    })),
  };
}

/** All versions of a version's line, withdrawn ones too, with who wrote them. */
export async function planHistory(
  asked: { org: OrgIdentity; provider: string; subscriptionId: string },
  given: PlanReadPorts,
): Promise<PlanHistory> {
  const { lineId, versions } = await lineOfVersion(asked, given.documents);
  const today = utcDay(given.clock.now());
  const plans = [...versions].sort((a, b) => a.version - b.version);
  return {
    line_id: lineId,
    versions: plans.map((version) => planAnswer(version, asked.org.slug, today)),
    total: plans.length,
  };
}

/** The line that a version of the provider belongs to. Throws `PLAN_NOT_FOUND`. */
export async function lineOfVersion(
  { org, provider, subscriptionId }: { org: OrgIdentity; provider: string; subscriptionId: string },
  documents: Documents,
): Promise<{ lineId: string; versions: PlanVersion[] }> {
  if (!isPlanId(subscriptionId)) throw planNotFound();
  const slug = saasProviderOf(provider);
  const { body } = await documents.get<PlanVersion>(planPath(org, subscriptionId));
  if (body === undefined || body.provider !== slug) throw planNotFound();
  const versions = await planVersions(org, slug, documents);
  return { lineId: body.lineId, versions: versions.filter(({ lineId }) => lineId === body.lineId) };
}
