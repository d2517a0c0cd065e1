import { type Decimal, zero } from "#shared/money/amount.ts";

/** The costs of a row that a correction corrects, each by its own difference. */
export const costColumns = ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"] as const;

/** In the order of `costColumns`. */
export type Costs = readonly [Decimal, Decimal, Decimal, Decimal];

/** Rows that a correction does not tell apart, with the sums of their costs. */
export interface CostGroup {
  key: string;
  /** What a correction keeps of them. */
  columns: Record<string, unknown>;
  costs: Costs;
}

/** One row of correction on a day, UTC. */
export interface Correction extends CostGroup {
  day: string;
}

/**
 * The corrections of one closed day that lie in open months, so that with the `fixed` ones, of months closed since, their
 * sum is `held - closed` in every group. A group whose open corrections are right already keeps them with their days; any
 * other gets one on `day`. Source: `costs.md` 6.
 */
export function correctionsOf(
  sides: { held: readonly CostGroup[]; closed: readonly CostGroup[] },
  booked: { fixed: readonly Correction[]; open: readonly Correction[] },
  day: string,
): Correction[] {
  const owed = sums([...sides.held, ...sides.closed.map(negated), ...booked.fixed.map(negated)]);
  const groups = new Map([...sums(booked.open), ...owed]);
  return [...groups.values()].flatMap((group): Correction[] => {
    const costs = owed.get(group.key)?.costs ?? noCosts;
    const open = booked.open.filter(({ key }) => key === group.key);
    if (areEqual(costs, sums(open).get(group.key)?.costs ?? noCosts)) return areEqual(costs, noCosts) ? [] : open;
    return areEqual(costs, noCosts) ? [] : [{ ...group, costs, day }];
  });
}

const noCosts: Costs = [zero, zero, zero, zero];

function sums(groups: readonly CostGroup[]): Map<string, CostGroup> {
  const found = new Map<string, CostGroup>();
  for (const { key, columns, costs } of groups) {
    const known = found.get(key)?.costs ?? noCosts;
    found.set(key, { key, columns, costs: combined(known, costs, (a, b) => a.plus(b)) });
  }
  return found;
}

function negated<G extends CostGroup>(group: G): G {
  return { ...group, costs: combined(noCosts, group.costs, (a, b) => a.minus(b)) };
}

function areEqual(one: Costs, other: Costs): boolean {
  return one.every((amount, at) => amount.eq(other[at] ?? zero));
}

function combined(one: Costs, other: Costs, of: (a: Decimal, b: Decimal) => Decimal): Costs {
  return [of(one[0], other[0]), of(one[1], other[1]), of(one[2], other[2]), of(one[3], other[3])];
}
