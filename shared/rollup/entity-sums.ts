import { addedGroups, type Group, monthGroups } from "#shared/costs/frame-groups.ts";
import { frameReader } from "#shared/costs/frame-reader.ts";
import type { FrameKey } from "#shared/costs/month-frame.ts";
import { ofEachMonth } from "#shared/costs/month-source.ts";
import type { CostPorts, CostRead } from "#shared/costs/read-summary.ts";
import type { Basis } from "#shared/costs/sums.ts";
import { unallocated } from "#shared/hierarchy/tree.ts";
import { type Decimal, zero } from "#shared/money/amount.ts";

export type EntityGroup = Group<"entity" | "method" | "reason">;

/** What reached each entity itself, by method or reason; rows without a rate are in no sum. */
export async function entityGroups(read: CostRead, ports: CostPorts): Promise<EntityGroup[]> {
  return groupsBy(read, ports, ["entity", "method", "reason"]);
}

/** The converted rows of an allocated read, grouped by any keys. */
export async function groupsBy<Key extends FrameKey>(
  read: CostRead,
  ports: CostPorts,
  keys: readonly Key[],
): Promise<Group<Key>[]> {
  const { range, filters, entities } = read;
  const selection = { start: range.start, end: range.end, filters, entities: entities?.entities };
  const wanted = { keys: [...keys, "converted"] as const };
  const { months, monthOf } = frameReader(read, ports);
  const parts = await ofEachMonth(months, (month) => monthGroups(monthOf(month), selection, wanted));
  return addedGroups(parts).filter(({ key }) => key.converted === "true");
}

/** Own cost by entity id; `UNALLOCATED` is always there. */
export function ownCosts(groups: readonly EntityGroup[], basis: Basis): Map<string, Decimal> {
  const costs = new Map<string, Decimal>([[unallocated, zero]]);
  for (const { key, sums } of groups) costs.set(key.entity, (costs.get(key.entity) ?? zero).plus(sums[basis]));
  return costs;
}

/** Sums by one key of the groups, in the order of the names. */
export function costsBy(groups: readonly EntityGroup[], name: "method" | "reason", basis: Basis): [string, Decimal][] {
  const costs = new Map<string, Decimal>();
  for (const { key, sums } of groups) costs.set(key[name], (costs.get(key[name]) ?? zero).plus(sums[basis]));
  return [...costs].sort(([a], [b]) => (a < b ? -1 : 1));
}
