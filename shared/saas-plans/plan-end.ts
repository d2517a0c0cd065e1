import { type Static, Type } from "@sinclair/typebox";
import type { Answer, Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import { cycleOf } from "./cycles.ts";
import { isLive, type PlanVersion, planStatus, planStatuses } from "./plan.ts";
import { PlanAnswer, planAnswer } from "./plan-answer.ts";
import { Restates } from "./plan-charges.ts";
import { refuseInvalid } from "./plan-checks.ts";
import { newVersion } from "./plan-create.ts";
import type { OnPlan } from "./plan-edit.ts";
import type { EndPlan } from "./plan-fields.ts";
import { saasProviderOf } from "./plan-providers.ts";
import { dayProblems } from "./plan-terms.ts";
import { changePlans, type PlanLine, type PlanPorts, type PlanWriter, type Written } from "./plan-writer.ts";
import { chainOf, endedAfter, inForce, refuseOutdated } from "./versions.ts";

export const PlanEnded = strictObject({
  success: Type.Boolean(),
  subscription_id: Type.String(),
  plan: PlanAnswer,
  also_ended: Type.Array(Type.String()),
  restates: Restates,
  message: Type.String(),
});
export type PlanEnded = Static<typeof PlanEnded>;

export const PlanToggled = strictObject({
  success: Type.Boolean(),
  subscription_id: Type.String(),
  status: choice(planStatuses),
  message: Type.String(),
});
export type PlanToggled = Static<typeof PlanToggled>;

/**
 * Ends the whole line after a day, whichever of its versions is named; versions that begin later never charge. Again it
 * changes nothing. Throws `INVALID_BODY` for a day before a line that has begun.
 */
export async function endPlan(
  asked: OnPlan & { request: EndPlan },
  effects: Effects<PlanEnded>,
  given: PlanPorts,
): Promise<Answer<PlanEnded>> {
  const provider = saasProviderOf(asked.provider);
  return changePlans(asked, effects, given, async (writer) => {
    const { version, line } = await writer.lineOf(provider, asked.subscriptionId);
    return ended({ version, line, request: asked.request }, writer);
  });
}

async function ended(
  { version, line, request }: { version: PlanVersion; line: PlanLine; request: EndPlan },
  writer: PlanWriter,
): Promise<Written<PlanEnded>> {
  refuseInvalid(dayProblems({ end_date: request.end_date }, writer.today));
  const endDate = lastDay(line, request, writer.today);
  refuseBeforeLine(line, endDate, writer.today);
  const changed = endedAfter(line.versions, endDate, writer);
  for (const each of changed) writer.save(each);
  const after = changed.find(({ subscriptionId }) => subscriptionId === version.subscriptionId) ?? version;
  const others = changed.map(({ subscriptionId }) => subscriptionId).filter((id) => id !== version.subscriptionId);
  const isAgain = changed.length === 0;
  return {
    answer: {
      success: true,
      subscription_id: version.subscriptionId,
      plan: planAnswer(after, writer.org.slug, writer.today),
      also_ended: others,
      restates: await writer.restates(),
      message: isAgain ? "The plan had ended already." : `The plan ends after ${endDate}.`,
    },
    details: {
      action: "saas_plan.ended",
      resourceId: version.subscriptionId,
      details: { end_date: endDate, also_ended: others },
    },
  };
}

function lastDay({ versions }: PlanLine, { end_date: asked, at }: EndPlan, today: string): string {
  const day = asked ?? today;
  const version = inForce(versions, day);
  return at === "cycle_end" && version !== undefined ? cycleOf(version, day).end : day;
}

/** A line that has begun cannot end before it; one that has not never charges. */
function refuseBeforeLine({ versions }: PlanLine, endDate: string, today: string): void {
  const first = chainOf(versions)[0]?.startDate;
  if (first === undefined || endDate >= first || first > today) return;
  refuseInvalid([{ path: "/end_date", problem: `must not be before ${first}` }]);
}

/** Ends a plan that is on today; one that is off goes on, or begins anew today. */
export async function togglePlan(
  asked: OnPlan,
  effects: Effects<PlanToggled>,
  given: PlanPorts,
): Promise<Answer<PlanToggled>> {
  const provider = saasProviderOf(asked.provider);
  return changePlans(asked, effects, given, async (writer) => {
    const { version, line } = await writer.lineOf(provider, asked.subscriptionId);
    refuseOutdated(version, line.versions, writer.today);
    const isOn = ["active", "pending"].includes(planStatus(version, writer.today));
    return isOn ? toggledOff(version, line, writer) : toggledOn(version, line, writer);
  });
}

function toggledOff(version: PlanVersion, line: PlanLine, writer: PlanWriter): Written<PlanToggled> {
  const changed = endedAfter(line.versions, writer.today, writer);
  for (const each of changed) writer.save(each);
  const after = changed.find(({ subscriptionId }) => subscriptionId === version.subscriptionId) ?? version;
  return toggled(after, "The plan ends today.", writer);
}

function toggledOn(version: PlanVersion, line: PlanLine, writer: PlanWriter): Written<PlanToggled> {
  const { today, now, by } = writer;
  refuseLaterVersion(version, line, today);
  if (isLive(version) && version.endDate !== null && version.endDate >= today) {
    const open = { ...version, endDate: null, endedByHand: false, updatedAt: now, updatedBy: by };
    writer.save(open);
    return toggled(open, "The plan goes on.", writer);
  }
  const { provider, planName, contractId } = version;
  const next: PlanVersion = {
    ...newVersion({ terms: { ...version, endDate: null }, startDate: today, line }, writer),
    ...{ provider, planName, contractId, subscriptionId: writer.newVersionId(provider, planName) },
  };
  writer.save(next);
  return toggled(next, "The plan begins anew today.", writer);
}

function refuseLaterVersion(version: PlanVersion, { versions }: PlanLine, today: string): void {
  const later = chainOf(versions).find(({ startDate, endDate, subscriptionId }) => {
    const isOver = endDate !== null && endDate < today;
    return subscriptionId !== version.subscriptionId && startDate > version.startDate && !isOver;
  });
  if (later === undefined) return;
  throw new AppError("PLAN_SUPERSEDED", "Another version of the plan is in force or will be.", {
    extra: { current_id: later.subscriptionId },
  });
}

function toggled(version: PlanVersion, message: string, writer: PlanWriter): Written<PlanToggled> {
  const status = planStatus(version, writer.today);
  return {
    answer: { success: true, subscription_id: version.subscriptionId, status, message },
    details: {
      action: "saas_plan.toggled",
      resourceId: version.subscriptionId,
      details: { status, end_date: version.endDate },
    },
  };
}
