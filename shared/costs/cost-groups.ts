import { type Decimal, moneyText } from "#shared/money/amount.ts";
import type { Group } from "./frame-groups.ts";
import type { FrameKey } from "./month-frame.ts";
import { addSums, type Basis, noSums, percentage, type Sums, savingsOf, subtractSums } from "./sums.ts";

/** How amounts of one answer are shown. */
export interface Shown {
  basis: Basis;
  minorDigits: number;
  /** Sum of all rows of the answer, by the basis: what percentages are of. */
  total: Decimal;
}

/** The sums of a group as answers show them. Source: costs.md 4, "Group object". */
export function shownSums(sums: Sums, { basis, minorDigits }: Omit<Shown, "total">) {
  const money = (amount: Decimal): string => moneyText(amount, minorDigits);
  return {
    total_cost: money(sums[basis]),
    billed_cost: money(sums.billed),
    effective_cost: money(sums.effective),
    list_cost: money(sums.list),
    contracted_cost: money(sums.contracted),
    savings: money(savingsOf(sums)),
    credits: money(sums.credits),
    record_count: sums.rows,
  };
}

/** The sums of a group and its share of the answer. */
export function shownGroup(sums: Sums, shown: Shown) {
  return { ...shownSums(sums, shown), percentage: percentage(sums[shown.basis], shown.total) };
}

export function totalOf(groups: Iterable<{ sums: Sums }>): Sums {
  let total = noSums;
  for (const { sums } of groups) total = addSums(total, sums);
  return total;
}

/** By cost descending, then by key in the order of code points. */
export function byCost<Key extends FrameKey, G extends Group<Key>>(
  groups: readonly G[],
  basis: Basis,
  keys: readonly Key[],
): G[] {
  return [...groups].sort((a, b) => b.sums[basis].cmp(a.sums[basis]) || byKey(a, b, keys));
}

/** The largest groups by absolute cost, in the order of `byCost`, and the sums of all others. */
export function largest<Key extends FrameKey>(
  groups: readonly Group<Key>[],
  count: number,
  by: { basis: Basis; keys: readonly Key[] },
): { top: Group<Key>[]; remainder: { groupCount: number; sums: Sums } | null } {
  const size = (group: Group<Key>): Decimal => group.sums[by.basis].abs();
  const bySize = [...groups].sort((a, b) => size(b).cmp(size(a)) || byKey(a, b, by.keys));
  const top = byCost(bySize.slice(0, count), by.basis, by.keys);
  if (groups.length <= count) return { top, remainder: null };
  const sums = subtractSums(totalOf(groups), totalOf(top));
  return { top, remainder: { groupCount: groups.length - count, sums } };
}

function byKey<Key extends FrameKey>(a: Group<Key>, b: Group<Key>, keys: readonly Key[]): number {
  for (const key of keys) {
    const order = byCodePoint(a.key[key], b.key[key]);
    if (order !== 0) return order;
  }
  return 0;
}

/** UTF-8 sorts as code points do; UTF-16, what `<` compares, does not. */
export function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
