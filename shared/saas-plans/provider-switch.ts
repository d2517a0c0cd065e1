import { type Static, Type } from "@sinclair/typebox";
import type { Answer, Effects } from "#shared/runtime/declaration.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import type { PlanVersion } from "./plan.ts";
import { refuseInvalid } from "./plan-checks.ts";
import { firstFreeDay, newVersion, type OnPlans } from "./plan-create.ts";
import { day } from "./plan-fields.ts";
import { newSaasProvider, saasProviderOf } from "./plan-providers.ts";
import { dayProblems, defaultTerms } from "./plan-terms.ts";
import { changePlans, lineIdOf, type PlanPorts, type PlanWriter, type Written } from "./plan-writer.ts";
import { type SeedPlan, seededProvider, seedPlans } from "./seed-plans.ts";
import { chainOf, endedAfter, withdrawn } from "./versions.ts";

const optional = Type.Optional;

export const EnableProvider = strictObject({
  display_name: optional(plainText(1, 200)),
  category: optional(plainText(1, 50)),
});
export const EnableQuery = strictObject({
  force: optional(Type.Boolean({ description: "Add plans that are missing" })),
});

export const ProviderEnabled = strictObject({
  success: Type.Boolean(),
  provider: Type.String(),
  plans_seeded: Type.Integer(),
  message: Type.String(),
});
export type ProviderEnabled = Static<typeof ProviderEnabled>;

export const DisableProvider = strictObject({ end_date: optional(day({ description: "Last charged day; today" })) });

export const ProviderDisabled = strictObject({
  success: Type.Boolean(),
  provider: Type.String(),
  plans_ended: Type.Integer(),
  plans_deleted: Type.Integer({ description: "The same number, for older clients: nothing is deleted" }),
  message: Type.String(),
});
export type ProviderDisabled = Static<typeof ProviderDisabled>;

/** Switches a provider on and puts in the plans of the seed file, without seats: they cost nothing until somebody buys some. */
export async function enableProvider(
  asked: OnPlans & { request: Static<typeof EnableProvider>; force: boolean },
  effects: Effects<ProviderEnabled>,
  given: PlanPorts,
): Promise<Answer<ProviderEnabled>> {
  const provider = await newSaasProvider(asked.provider);
  return changePlans(asked, effects, given, async (writer) => {
    const known = (await writer.provider(provider)) ?? (await seededProvider(provider));
    const isSeeded = known.seededAt !== null && !asked.force;
    const seeded = isSeeded ? 0 : await seed(provider, writer);
    writer.saveProvider({
      ...known,
      displayName: asked.request.display_name ?? known.displayName,
      category: asked.request.category ?? known.category,
      isEnabled: true,
      seededAt: known.seededAt ?? writer.now,
    });
    return enabled(provider, seeded, "saas_provider.enabled");
  });
}

/** Ends all lines of a provider after a day, today unless said otherwise, and switches it off. */
export async function disableProvider(
  asked: OnPlans & { request: Static<typeof DisableProvider> },
  effects: Effects<ProviderDisabled>,
  given: PlanPorts,
): Promise<Answer<ProviderDisabled>> {
  const provider = saasProviderOf(asked.provider);
  return changePlans(asked, effects, given, async (writer) => {
    refuseInvalid(dayProblems({ end_date: asked.request.end_date }, writer.today));
    const known = (await writer.provider(provider)) ?? (await seededProvider(provider));
    const endDate = asked.request.end_date ?? writer.today;
    const ended = await endAll(provider, endDate, writer);
    writer.saveProvider({ ...known, isEnabled: false });
    const message = `${ended} plans end after ${endDate}.`;
    return {
      answer: { success: true, provider, plans_ended: ended, plans_deleted: ended, message },
      details: {
        action: "saas_provider.disabled",
        resourceId: provider,
        details: { end_date: endDate, plans_ended: ended },
      },
    };
  });
}

/** Ends all lines today and puts in the plans of the seed file anew. */
export async function resetProvider(
  asked: OnPlans,
  effects: Effects<ProviderEnabled>,
  given: PlanPorts,
): Promise<Answer<ProviderEnabled>> {
  const provider = await newSaasProvider(asked.provider);
  return changePlans(asked, effects, given, async (writer) => {
    const known = (await writer.provider(provider)) ?? (await seededProvider(provider));
    const standing = await cleared(provider, writer);
    const seeded = await seedAnew(provider, standing, writer);
    writer.saveProvider({ ...known, isEnabled: true, seededAt: writer.now });
    return enabled(provider, seeded, "saas_provider.reset");
  });
}

function enabled(provider: string, seeded: number, action: string): Written<ProviderEnabled> {
  const message = seeded === 0 ? "No plan had to be added." : `${seeded} plans were added, without seats.`;
  return {
    answer: { success: true, provider, plans_seeded: seeded, message },
    details: { action, resourceId: provider, details: { plans_seeded: seeded } },
  };
}

/** Plans ended; placeholders, which charge nothing, end with them and are not counted twice. */
async function endAll(provider: string, endDate: string, writer: PlanWriter): Promise<number> {
  let count = 0;
  for (const line of await writer.linesOf(provider)) {
    const changed = endedAfter(line.versions, endDate, writer);
    for (const version of changed) writer.save(version);
    count += changed.length > 0 ? 1 : 0;
  }
  return count;
}

function placeholders(versions: readonly PlanVersion[]): PlanVersion[] {
  return chainOf(versions).filter(({ isPlaceholder }) => isPlaceholder);
}

/** Plans of the seed file whose line nobody has begun. */
async function seed(provider: string, writer: PlanWriter): Promise<number> {
  let count = 0;
  for (const plan of await rowsOf(provider)) {
    const line = await writer.line(lineIdOf(provider, plan.plan_name, null));
    if (line.versions.length > 0) continue;
    writer.save(placeholder(plan, { ...line, from: writer.today }, writer));
    count += 1;
  }
  return count;
}

/** Ends all lines today and takes the placeholders away; the versions of each line as they stand then. */
async function cleared(provider: string, writer: PlanWriter): Promise<Map<string, PlanVersion[]>> {
  const standing = new Map<string, PlanVersion[]>();
  for (const { lineId, versions } of await writer.linesOf(provider)) {
    const others = versions.filter(({ isPlaceholder }) => !isPlaceholder);
    const changed = [
      ...placeholders(versions).map((version) => withdrawn(version, writer)),
      ...endedAfter(others, writer.today, writer),
    ];
    for (const version of changed) writer.save(version);
    const now = new Map(changed.map((version) => [version.subscriptionId, version]));
    standing.set(
      lineId,
      versions.map((version) => now.get(version.subscriptionId) ?? version),
    );
  }
  return standing;
}

/** All plans of the seed file, each from the first day that its line leaves free. */
async function seedAnew(
  provider: string,
  standing: ReadonlyMap<string, PlanVersion[]>,
  writer: PlanWriter,
): Promise<number> {
  const rows = await rowsOf(provider);
  for (const plan of rows) {
    const lineId = lineIdOf(provider, plan.plan_name, null);
    const versions = standing.get(lineId) ?? (await writer.line(lineId)).versions;
    const from = firstFreeDay({ lineId, versions }, writer.today);
    writer.save(placeholder(plan, { lineId, versions, from }, writer));
  }
  return rows.length;
}

async function rowsOf(provider: string): Promise<SeedPlan[]> {
  return (await seedPlans()).filter((plan) => plan.provider === provider);
}

function placeholder(
  plan: SeedPlan,
  line: { lineId: string; versions: PlanVersion[]; from: string },
  writer: PlanWriter,
): PlanVersion {
  const { provider, plan_name: planName } = plan;
  const terms = {
    ...defaultTerms(plan.currency, plan.category),
    planType: plan.plan_type,
    displayName: plan.display_name,
    pricingModel: plan.pricing_model,
    billingCycle: plan.billing_cycle,
    unitPrice: plan.unit_price === "" ? null : plan.unit_price,
    yearlyPrice: plan.yearly_price === "" ? null : plan.yearly_price,
    seats: 0,
    notes: plan.notes === "" ? null : plan.notes,
  };
  return {
    ...newVersion({ terms, startDate: line.from, line }, writer),
    ...{ provider, planName, contractId: null, subscriptionId: writer.newVersionId(provider, planName) },
    isPlaceholder: true,
  };
}
