import { type Decimal, zero } from "#shared/money/amount.ts";
import { cycleCost, cycleShares, shareBetween, stretchesOf } from "./amortisation.ts";
import { type Cycle, cycleOf } from "./cycles.ts";
import { type ChargedVersion, isLive } from "./plan.ts";
import { addDays, earliestDay } from "./plan-days.ts";

/** What is billed, or credited, at once on one day for days of a prepaid cycle. */
export interface PrepaidBill {
  version: ChargedVersion;
  day: string;
  cycle: Cycle;
  /** Negative: a credit. */
  billed: Decimal;
  /** The same days at list price. */
  list: Decimal;
}

/** The longest cycle that is billed day by day. */
const longestDailyCycle = 31;

/** Source: `prices-and-plans.md` C6. */
export function isPrepaid(version: ChargedVersion): boolean {
  return (
    version.billingCycle !== "monthly" && version.billingCycle !== "weekly" && cycleDays(version) > longestDailyCycle
  );
}

function cycleDays(version: ChargedVersion): number {
  return cycleOf(version, version.startDate).days;
}

/**
 * What the versions of one line bill at once, from one day to another, in no order: on a cycle's first covered day the
 * days of the cycle as they were known then; when that changes on a day, what the days from it to the cycle's end now
 * cost more or less. So over every cycle the billed and the amortised cost are equal and no earlier day moves.
 */
export function prepaidBills(line: readonly ChargedVersion[], from: string, to: string): PrepaidBill[] {
  const chain = line.filter(isLive).sort((a, b) => (a.startDate < b.startDate ? -1 : 1));
  return chain.flatMap((version, at) => {
    const before = chain[at - 1];
    const isFollowing = before?.endDate != null && addDays(before.endDate, 1) === version.startDate;
    const after = chain[at + 1];
    const isFollowed = version.endDate !== null && after?.startDate === addDays(version.endDate, 1);
    const bills = [
      ...(isPrepaid(version) ? cycleBills(version, isFollowing ? before : undefined, to) : []),
      ...(isPrepaid(version) ? extensionBills(version) : []),
      ...endCredits(version, isFollowed ? after : undefined),
    ];
    return bills.filter((bill) => bill.day >= from && bill.day <= to && !bill.billed.isZero());
  });
}

/** One bill per cycle, on the version's first day in it. */
function cycleBills(version: ChargedVersion, before: ChargedVersion | undefined, to: string): PrepaidBill[] {
  return stretchesOf(version, version.startDate, to).map(({ cycle, first }) => {
    const own = bill(version, cycle, { day: first, from: first, to: knownThrough(version, cycle, first) });
    // A cycle that begins with this version was never begun by the one before.
    const isBegun = first === version.startDate && first > cycle.start;
    const isContinued = before !== undefined && isBegun && isSameCycle(before, cycle);
    if (!isContinued) return own;
    const gone = bill(before, cycle, { day: first, from: first, to: billedThrough(before, cycle) });
    return { ...own, billed: own.billed.minus(gone.billed), list: own.list.minus(gone.list) };
  });
}

/** Days after the end that was known at first, where the plan went on: billed when they begin. */
function extensionBills(version: ChargedVersion): PrepaidBill[] {
  const { plannedEndDate: planned, endDate } = version;
  if (planned === null || planned < version.startDate || (endDate !== null && endDate <= planned)) return [];
  const [cycle, day] = [cycleOf(version, planned), addDays(planned, 1)];
  if (day > cycle.end) return [];
  return [bill(version, cycle, { day, from: day, to: earliestDay([cycle.end, endDate]) ?? cycle.end })];
}

/** What was billed for days after an earlier end than the one that was known; a version that follows nets it itself. */
function endCredits(version: ChargedVersion, after: ChargedVersion | undefined): PrepaidBill[] {
  const { endDate } = version;
  if (endDate === null || !isPrepaid(version)) return [];
  const [cycle, day] = [cycleOf(version, endDate), addDays(endDate, 1)];
  if (after !== undefined && isPrepaid(after) && isSameCycle(version, cycleOf(after, day))) return [];
  const through = billedThrough(version, cycle);
  if (through < day) return [];
  const { billed, list, ...rest } = bill(version, cycle, { day, from: day, to: through });
  return [{ ...rest, billed: zero.minus(billed), list: zero.minus(list) }];
}

function bill(version: ChargedVersion, cycle: Cycle, days: { day: string; from: string; to: string }): PrepaidBill {
  const { day, from, to } = days;
  const whole = cycleCost(version);
  if (whole === undefined || whole.cost.isZero()) return { version, day, cycle, billed: zero, list: zero };
  const { cost, list } = cycleShares(whole, cycle);
  return {
    ...{ version, day, cycle },
    billed: shareBetween(cost, cycle, from, to),
    list: shareBetween(list, cycle, from, to),
  };
}

/** The last day of the cycle that was known to be covered on the version's first day in it. */
function knownThrough({ plannedEndDate: planned, endDate }: ChargedVersion, cycle: Cycle, first: string): string {
  const known = planned !== null && planned < first ? endDate : planned;
  return earliestDay([cycle.end, known]) ?? cycle.end;
}

/** The last day of the cycle that the version has billed by its own end, at its start or when it went on. */
function billedThrough(version: ChargedVersion, cycle: Cycle): string {
  const first = version.startDate > cycle.start ? version.startDate : cycle.start;
  const known = knownThrough(version, cycle, first);
  const actual = earliestDay([cycle.end, version.endDate]) ?? cycle.end;
  return known > actual ? known : actual;
}

function isSameCycle(version: ChargedVersion, cycle: Cycle): boolean {
  if (!isPrepaid(version)) return false;
  const own = cycleOf(version, cycle.start);
  return own.start === cycle.start && own.end === cycle.end;
}
