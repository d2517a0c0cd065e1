import { type Static, Type } from "@sinclair/typebox";
import type { Answer, Effects } from "#shared/runtime/declaration.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import type { PlanVersion } from "./plan.ts";
import { PlanAnswer, planAnswer } from "./plan-answer.ts";
import { Restates } from "./plan-charges.ts";
import { checkedTerms, planWarnings } from "./plan-checks.ts";
import { newVersion, type OnPlans, Warnings } from "./plan-create.ts";
import type { EditPlan, PlanChanges, UpdatePlan } from "./plan-fields.ts";
import { saasProviderOf } from "./plan-providers.ts";
import { dayProblems, type PlanTerms } from "./plan-terms.ts";
import { changePlans, type PlanLine, type PlanPorts, type PlanWriter, type Written } from "./plan-writer.ts";
import { overlapping, refuseFollowing, refuseOutdated, superseded, withdrawn } from "./versions.ts";

export const PlanEdited = strictObject({
  success: Type.Boolean(),
  new_plan: PlanAnswer,
  old_plan: PlanAnswer,
  restates: Restates,
  message: Type.String(),
});
export type PlanEdited = Static<typeof PlanEdited>;

export const PlanUpdated = strictObject({
  success: Type.Boolean(),
  plan: PlanAnswer,
  message: Type.String(),
  warnings: Warnings,
  restates: Restates,
});
export type PlanUpdated = Static<typeof PlanUpdated>;

export interface OnPlan extends OnPlans {
  subscriptionId: string;
}

/** Fields that cost nothing: they change in place. Source: `prices-and-plans.md` C2. */
const descriptive: ReadonlySet<keyof PlanTerms> = new Set([
  "displayName",
  "notes",
  "ownerEmail",
  "department",
  "paymentMethod",
  "invoiceIdLast",
  "renewalDate",
  "autoRenew",
  "category",
  "planType",
  "hierarchyEntityId",
  "seatsUsed",
]);

/**
 * A version that takes the place of another from a day on; the old one ends the day before. Throws `PLAN_SUPERSEDED`,
 * `NOT_IN_FORCE`, both naming the right version.
 */
export async function editPlanVersion(
  asked: OnPlan & { request: EditPlan },
  effects: Effects<PlanEdited>,
  given: PlanPorts,
): Promise<Answer<PlanEdited>> {
  const provider = saasProviderOf(asked.provider);
  return changePlans(asked, effects, given, async (writer) => {
    const { version, line } = await writer.lineOf(provider, asked.subscriptionId);
    return edited({ version, line, request: asked.request }, writer);
  });
}

async function edited(
  { version, line, request }: { version: PlanVersion; line: PlanLine; request: EditPlan },
  writer: PlanWriter,
): Promise<Written<PlanEdited>> {
  const { effective_date: effectiveDate, ...changes } = request;
  const problems = dayProblems({ effective_date: effectiveDate }, writer.today);
  if (changes.end_date != null && changes.end_date < effectiveDate)
    problems.push({ path: "/end_date", problem: "must not be before effective_date" });
  const terms = await checkedTerms(version, changes, writer, [...problems, ...emptyProblems(changes)]);
  refuseFollowing(version, line.versions, { effectiveDate, today: writer.today });
  refuseOverlap(line, version, effectiveDate, terms.endDate);
  const next: PlanVersion = {
    ...identityOf(version),
    ...newVersion({ terms, startDate: effectiveDate, line }, writer),
    subscriptionId: writer.newVersionId(version.provider, version.planName),
    anchorDate: isOtherRhythm(version, terms) ? effectiveDate : version.anchorDate,
    endedByHand: terms.endDate === version.endDate && version.endedByHand,
  };
  const old = superseded(version, next, writer);
  writer.save(old);
  writer.save(next);
  const [newPlan, oldPlan] = [next, old].map((each) => planAnswer(each, writer.org.slug, writer.today));
  if (newPlan === undefined || oldPlan === undefined) throw new Error("an edit has two versions");
  const restates = await writer.restates();
  const message = `From ${effectiveDate} on a new version holds.`;
  return {
    answer: { success: true, new_plan: newPlan, old_plan: oldPlan, restates, message },
    details: {
      action: "saas_plan.versioned",
      resourceId: next.subscriptionId,
      details: {
        old: old.subscriptionId,
        new: next.subscriptionId,
        effective_date: effectiveDate,
        changed: changedFields(version, terms),
      },
    },
  };
}

/**
 * Descriptive fields change in place; anything that has to do with money is a correction from the version's own start:
 * a new version takes its days and the old one is kept, withdrawn. Throws `PLAN_SUPERSEDED`, `VERSION_CONFLICT`.
 */
export async function updatePlan(
  asked: OnPlan & { request: UpdatePlan },
  effects: Effects<PlanUpdated>,
  given: PlanPorts,
): Promise<Answer<PlanUpdated>> {
  const provider = saasProviderOf(asked.provider);
  return changePlans(asked, effects, given, async (writer) => {
    const { version, line } = await writer.lineOf(provider, asked.subscriptionId);
    return updated({ version, line, request: asked.request }, writer);
  });
}

async function updated(
  { version, line, request }: { version: PlanVersion; line: PlanLine; request: UpdatePlan },
  writer: PlanWriter,
): Promise<Written<PlanUpdated>> {
  const { expected_updated_at: expected, ...changes } = request;
  const problems = emptyProblems(changes);
  if (changes.end_date != null && changes.end_date < version.startDate)
    problems.push({ path: "/end_date", problem: `must not be before ${version.startDate}` });
  const terms = await checkedTerms(version, changes, writer, problems);
  if (version.withdrawnAt !== null) refuseOutdated(version, line.versions, writer.today);
  if (expected !== undefined && Date.parse(expected) !== Date.parse(version.updatedAt))
    throw new AppError("VERSION_CONFLICT", "Somebody else has changed the plan.");
  refuseOverlap(line, version, version.startDate, terms.endDate);
  const changed = changedFields(version, terms);
  const isDescriptive = Object.keys(changed).every((name) => descriptive.has(name as keyof PlanTerms));
  const next = isDescriptive ? described(version, terms, writer) : corrected({ version, line, terms }, writer);
  const plan = planAnswer(next, writer.org.slug, writer.today);
  const warnings = await planWarnings(next, writer);
  const restates = await writer.restates();
  return {
    answer: { success: true, plan, message: "The plan was updated.", warnings, restates },
    details: {
      action: "saas_plan.updated",
      resourceId: next.subscriptionId,
      details: { old: version.subscriptionId, changed },
    },
  };
}

function described(version: PlanVersion, terms: PlanTerms, writer: PlanWriter): PlanVersion {
  const next = { ...version, ...terms, isPlaceholder: false, updatedAt: writer.now, updatedBy: writer.by };
  writer.save(next);
  return next;
}

function corrected(
  { version, line, terms }: { version: PlanVersion; line: PlanLine; terms: PlanTerms },
  writer: PlanWriter,
): PlanVersion {
  const { supersededOn, supersededBy, startDate } = version;
  const next: PlanVersion = {
    ...identityOf(version),
    ...newVersion({ terms, startDate, line }, writer),
    subscriptionId: writer.newVersionId(version.provider, version.planName),
    anchorDate: isOtherRhythm(version, terms) ? startDate : version.anchorDate,
    plannedEndDate: terms.endDate === version.endDate ? version.plannedEndDate : terms.endDate,
    endedByHand: terms.endDate === version.endDate && version.endedByHand,
    ...{ supersededOn, supersededBy },
  };
  writer.save(withdrawn(version, writer));
  writer.save(next);
  const before = line.versions.find((each) => each.supersededBy === version.subscriptionId);
  if (before !== undefined) writer.save({ ...before, supersededBy: next.subscriptionId });
  return next;
}

function identityOf({ provider, planName, contractId }: PlanVersion) {
  return { provider, planName, contractId };
}

function emptyProblems(changes: PlanChanges): FieldProblem[] {
  const isEmpty = Object.values(changes).every((value) => value === undefined);
  return isEmpty ? [{ path: "", problem: "must name what changes" }] : [];
}

/** A later version of the line keeps its days. */
function refuseOverlap(line: PlanLine, version: PlanVersion, from: string, endDate: string | null): void {
  const others = line.versions.filter(({ subscriptionId }) => subscriptionId !== version.subscriptionId);
  const [other] = overlapping(others, from, endDate);
  if (other === undefined) return;
  throw new AppError("PLAN_EXISTS", `The plan has another version from ${other.startDate} on.`, {
    extra: { current_id: other.subscriptionId },
  });
}

function isOtherRhythm(version: PlanVersion, terms: PlanTerms): boolean {
  return (
    version.billingCycle !== terms.billingCycle ||
    version.cycleDays !== terms.cycleDays ||
    version.cycleAlignment !== terms.cycleAlignment
  );
}

/** Old and new values of what a change changes, as the audit row shows them. */
function changedFields(version: PlanVersion, terms: PlanTerms): Record<string, { old: unknown; new: unknown }> {
  return Object.fromEntries(
    termNames
      .filter((name) => version[name] !== terms[name])
      .map((name) => [name, { old: version[name], new: terms[name] }]),
  );
}

const termNames: readonly (keyof PlanTerms)[] = [
  ...descriptive,
  ...(["pricingModel", "unitPrice", "yearlyPrice", "billingCycle", "cycleDays", "cycleAlignment"] as const),
  ...(["billingAnchorDay", "currency", "seats", "discountType", "discountValue", "endDate", "costSource"] as const),
  ...(["sourceCurrency", "sourcePrice", "exchangeRateUsed"] as const),
];
