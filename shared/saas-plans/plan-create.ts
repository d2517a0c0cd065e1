import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { type Answer, type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import type { WhenPlanned } from "./first-plan.ts";
import type { PlanVersion } from "./plan.ts";
import { PlanAnswer, planAnswer } from "./plan-answer.ts";
import { checkedTerms, planWarnings } from "./plan-checks.ts";
import { addDays } from "./plan-days.ts";
import type { CreatePlan } from "./plan-fields.ts";
import { newSaasProvider } from "./plan-providers.ts";
import { dayProblems, defaultTerms, type PlanTerms } from "./plan-terms.ts";
import { changePlans, lineIdOf, type PlanLine, type PlanPorts, type PlanWriter, type Written } from "./plan-writer.ts";
import { seededProvider } from "./seed-plans.ts";
import { chainOf, overlapping, withdrawn } from "./versions.ts";

export const Warnings = Type.Array(strictObject({ code: Type.String(), message: Type.String() }));

export const PlanCreated = strictObject({
  success: Type.Boolean(),
  plan: PlanAnswer,
  message: Type.String(),
  warnings: Warnings,
});
export type PlanCreated = Static<typeof PlanCreated>;

/** Who asks for something to be done with the plans of a provider. */
export interface OnPlans {
  org: OrgIdentity;
  caller: Caller;
  provider: string;
  whenPlanned?: WhenPlanned;
}

/**
 * The first version of a contract, or a new one on a line that has ended; the provider is enabled with it. A seeded
 * placeholder gives way. Throws `PLAN_EXISTS` naming the version whose days it would share. Source: C1, C2.
 */
export async function createPlan(
  asked: OnPlans & { request: CreatePlan },
  effects: Effects<PlanCreated>,
  given: PlanPorts,
): Promise<Answer<PlanCreated>> {
  const provider = await newSaasProvider(asked.provider);
  return changePlans(asked, effects, given, (writer) => created({ provider, request: asked.request }, writer));
}

async function created(
  { provider, request }: { provider: string; request: CreatePlan },
  writer: PlanWriter,
): Promise<Written<PlanCreated>> {
  const planName = planNameOf(request.plan_name);
  const contractId = request.contract_id ?? null;
  const stored = await writer.provider(provider);
  const line = await writer.line(lineIdOf(provider, planName, contractId));
  const known = stored ?? (await seededProvider(provider));
  const startDate = request.start_date ?? writer.today;
  const terms = await newTerms({ provider, request, startDate, category: known.category }, writer);
  for (const placeholder of freed(line, startDate, terms.endDate)) writer.save(withdrawn(placeholder, writer));
  const version: PlanVersion = {
    ...newVersion({ terms, startDate, line }, writer),
    ...{ provider, planName, contractId, subscriptionId: writer.newVersionId(provider, planName) },
  };
  writer.save(version);
  writer.saveProvider({ ...known, isEnabled: true });
  const plan = planAnswer(version, writer.org.slug, writer.today);
  const warnings = await planWarnings(version, writer);
  return {
    answer: new Reply(201, { success: true, plan, message: `The plan ${planName} was created.`, warnings }),
    details: {
      action: "saas_plan.created",
      resourceId: version.subscriptionId,
      details: { provider, plan_name: planName, start_date: startDate, seats: terms.seats },
    },
  };
}

async function newTerms(
  asked: { provider: string; request: CreatePlan; startDate: string; category: string },
  writer: PlanWriter,
): Promise<PlanTerms> {
  const { provider, request, startDate } = asked;
  const problems: FieldProblem[] = dayProblems({ start_date: request.start_date }, writer.today);
  if (request.provider !== undefined && request.provider !== provider)
    problems.push({ path: "/provider", problem: "contradicts the path" });
  if (request.end_date != null && request.end_date < startDate)
    problems.push({ path: "/end_date", problem: "must not be before start_date" });
  const base = defaultTerms(writer.organization.locale.defaultCurrency, asked.category);
  return checkedTerms({ ...base, pricingModel: modelOfLabel(request.plan_type) }, request, writer, problems);
}

/** Labels of older clients that mean a flat fee. */
function modelOfLabel(label: string | null | undefined): PlanTerms["pricingModel"] {
  return ["free", "individual", "flat"].includes((label ?? "").toLowerCase()) ? "FLAT_FEE" : "PER_SEAT";
}

/** Upper case, spaces as `_`: two spellings of a name are one line. */
export function planNameOf(name: string): string {
  return name.normalize("NFC").trim().toUpperCase().replaceAll(" ", "_");
}

/** Placeholders in the way, which are withdrawn. Throws `PLAN_EXISTS` for anything else in the way. */
function freed({ versions }: PlanLine, startDate: string, endDate: string | null): PlanVersion[] {
  const inTheWay = overlapping(versions, startDate, endDate);
  const other = inTheWay.find(({ isPlaceholder }) => !isPlaceholder);
  if (other === undefined) return chainOf(versions).filter(({ isPlaceholder }) => isPlaceholder);
  throw new AppError("PLAN_EXISTS", `The plan has a version from ${other.startDate} to ${other.endDate ?? "now on"}.`, {
    extra: { current_id: other.subscriptionId },
  });
}

/** A version with these terms and nothing before it; who it is of is left to the caller. */
export function newVersion(
  { terms, startDate, line }: { terms: PlanTerms; startDate: string; line: PlanLine },
  { now, by, organization }: Pick<PlanWriter, "now" | "by" | "organization">,
): Omit<PlanVersion, "provider" | "planName" | "contractId" | "subscriptionId"> {
  return {
    ...terms,
    lineId: line.lineId,
    version: Math.max(0, ...line.versions.map(({ version }) => version)) + 1,
    fiscalYearStartMonth: organization.locale.fiscalYearStartMonth,
    anchorDate: startDate,
    startDate,
    plannedEndDate: terms.endDate,
    ...{ endedByHand: false, withdrawnAt: null, withdrawnBy: null, supersededOn: null, supersededBy: null },
    ...{ isPlaceholder: false, createdAt: now, createdBy: by, updatedAt: now, updatedBy: by },
  };
}

/** The first day that no version of the line takes; today at the earliest. */
export function firstFreeDay({ versions }: PlanLine, today: string): string {
  const last = chainOf(versions).at(-1)?.endDate ?? null;
  return last !== null && last >= today ? addDays(last, 1) : today;
}
