import { AppError } from "#shared/runtime/errors.ts";
import { cycleCost } from "./amortisation.ts";
import { isLive, type PlanVersion } from "./plan.ts";
import { addDays, earliestDay } from "./plan-days.ts";

/** Who changes what, and when: the same for every version a change writes. */
export interface Stamp {
  /** RFC 3339, UTC. */
  now: string;
  by: string;
  /** UTC day. */
  today: string;
}

/** Versions that charge or will, in the order of their days; they never overlap. */
export function chainOf<V extends PlanVersion>(line: readonly V[]): V[] {
  return line.filter(isLive).sort((a, b) => (a.startDate < b.startDate ? -1 : 1));
}

export function inForce(line: readonly PlanVersion[], day: string): PlanVersion | undefined {
  return chainOf(line).find(({ startDate, endDate }) => startDate <= day && (endDate === null || day <= endDate));
}

/** What a caller means who names an outdated version: the one in force, else the next, else the newest. */
export function currentOf(line: readonly PlanVersion[], today: string): PlanVersion | undefined {
  const chain = chainOf(line);
  return inForce(line, today) ?? chain.find(({ startDate }) => startDate > today) ?? chain.at(-1) ?? line.at(-1);
}

/** Live versions with a day in common with a stretch of days; null: no end. */
export function overlapping(line: readonly PlanVersion[], from: string, to: string | null): PlanVersion[] {
  return chainOf(line).filter(
    ({ startDate, endDate }) => (to === null || startDate <= to) && (endDate === null || endDate >= from),
  );
}

/** Throws `PLAN_SUPERSEDED` for a version that another has taken the place of. */
export function refuseOutdated(version: PlanVersion, line: readonly PlanVersion[], today: string): void {
  if (version.withdrawnAt === null && version.supersededBy === null) return;
  throw new AppError("PLAN_SUPERSEDED", "Another version has taken its place.", {
    extra: { current_id: currentOf(line, today)?.subscriptionId ?? null },
  });
}

/** Throws what keeps a version from being followed by another from a day on. Source: `prices-and-plans.md` C2. */
export function refuseFollowing(
  version: PlanVersion,
  line: readonly PlanVersion[],
  asked: { effectiveDate: string; today: string },
): void {
  const { effectiveDate, today } = asked;
  refuseOutdated(version, line, today);
  if (effectiveDate <= version.startDate) {
    throw new AppError("INVALID_BODY", "A new version begins after the one it follows.", {
      fields: [{ path: "/effective_date", problem: `must be after ${version.startDate}` }],
    });
  }
  if (version.endDate === null || effectiveDate <= version.endDate) return;
  throw new AppError("NOT_IN_FORCE", `The version is not in force on ${effectiveDate}.`, {
    extra: { current_id: (inForce(line, effectiveDate) ?? currentOf(line, today))?.subscriptionId ?? null },
  });
}

/** The version that another follows from a day on. */
export function superseded(old: PlanVersion, next: PlanVersion, { now, by }: Stamp): PlanVersion {
  return {
    ...old,
    endDate: addDays(next.startDate, -1),
    supersededOn: next.startDate,
    supersededBy: next.subscriptionId,
    updatedAt: now,
    updatedBy: by,
  };
}

export function withdrawn(version: PlanVersion, { now, by }: Stamp): PlanVersion {
  return { ...version, withdrawnAt: now, withdrawnBy: by, updatedAt: now, updatedBy: by };
}

/** Versions as they stand when the line is ended after a day: what begins later never charges. */
export function endedAfter(line: readonly PlanVersion[], endDate: string, stamp: Stamp): PlanVersion[] {
  return chainOf(line).flatMap((version) => {
    if (version.endDate !== null && version.endDate <= endDate) return [];
    const last = version.startDate > endDate ? addDays(version.startDate, -1) : endDate;
    return [{ ...version, endDate: last, endedByHand: true, updatedAt: stamp.now, updatedBy: stamp.by }];
  });
}

/** The first day on which a change of these versions moves a charge. */
export function firstChangedDay(before: readonly PlanVersion[], after: readonly PlanVersion[]): string | null {
  const ids = new Set([...before, ...after].map(({ subscriptionId }) => subscriptionId));
  const days = [...ids].map((id) => {
    const [old, next] = [before, after].map((all) => all.find(({ subscriptionId }) => subscriptionId === id));
    return changedFrom(old, next);
  });
  return earliestDay(days);
}

/** Charges on some day, or would if its price were known. */
function isCostly(version: PlanVersion): boolean {
  return isLive(version) && cycleCost(version)?.cost.isZero() !== true;
}

function changedFrom(old: PlanVersion | undefined, next: PlanVersion | undefined): string | null {
  const [was, is] = [old, next].map((version) => (version !== undefined && isCostly(version) ? version : undefined));
  if (was === undefined || is === undefined) return (was ?? is)?.startDate ?? null;
  if (was.endDate === is.endDate) return was.costSource === is.costSource ? null : was.startDate;
  const last = earliestDay([was.endDate, is.endDate]);
  return last === null ? null : addDays(last, 1);
}
