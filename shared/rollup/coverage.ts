import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { platformFacts } from "#shared/costs/platform-facts.ts";
import { type CostPorts, type CostRead, openRead, summaryOf } from "#shared/costs/read-summary.ts";
import { CostSummary } from "#shared/costs/summary-schema.ts";
import { type Basis, percentage } from "#shared/costs/sums.ts";
import { withMark } from "#shared/entity-references/allocation-input.ts";
import { type Origin, originMark } from "#shared/hierarchy/row-mark.ts";
import { compareText, type Tree, unallocated } from "#shared/hierarchy/tree.ts";
import { type Decimal, moneyText, sumAmounts, zero } from "#shared/money/amount.ts";
import { minorDigits } from "#shared/money/currencies.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";
import { entityGroups, groupsBy, ownCosts } from "./entity-sums.ts";
import { rangeTooLong, shownBy } from "./rollup.ts";
import { suggestions } from "./suggestions.ts";

const maxDays = 400;
const listedAtMost = 50;

export const CoverageQuery = strictObject({
  start_date: Type.Optional(Type.String({ description: "First UTC day" })),
  end_date: Type.Optional(Type.String({ description: "Last UTC day" })),
});
export type CoverageQuery = Static<typeof CoverageQuery>;

const Money = Type.String();
export const Coverage = strictObject({
  currency: Type.String(),
  date_range: CostSummary.properties.date_range,
  total: Money,
  allocated: Money,
  unallocated: Money,
  allocated_percent: nullable(Type.Number()),
  by_method: Type.Record(Type.String(), Money),
  by_reason: Type.Record(Type.String(), Money),
  top_unallocated: Type.Array(
    strictObject({
      provider: Type.String(),
      sub_account_id: nullable(Type.String()),
      api_key_id: nullable(Type.String()),
      tags: Type.Record(Type.String(), Type.String()),
      reason: Type.String(),
      amount: Money,
    }),
    { maxItems: listedAtMost },
  ),
  suggestions: Type.Array(
    strictObject({ attribute: Type.String(), value: Type.String(), entity_id: Type.String(), amount: Money }),
    { description: "Values of unallocated rows that look like an entity; never applied by themselves" },
  ),
  completeness: CostSummary.properties.completeness,
});
export type Coverage = Static<typeof Coverage>;

/** How much of published effective cost reached an entity, how, and where most of the rest comes from. */
export async function coverage(
  { org, query }: { org: OrgIdentity; query: CoverageQuery },
  ports: CostPorts,
): Promise<Coverage> {
  const basis = "effective" as const;
  const facts = await platformFacts();
  const read = await openRead({ org, query, byEntity: true }, ports, facts);
  if (read.range.days > maxDays) throw rangeTooLong();
  const { completeness, date_range } = await summaryOf(read, { basis }, ports);
  const groups = await entityGroups(read, ports);
  const own = ownCosts(groups, basis);
  const total = sumAmounts(own.values());
  const nobodys = own.get(unallocated) ?? zero;
  const digits = minorDigits(facts.minorDigits, read.conversion.currency);
  const money = (amount: typeof total): string => moneyText(amount, digits);
  const reached = groups.filter(({ key }) => key.entity !== unallocated);
  const rest = groups.filter(({ key }) => key.entity === unallocated);
  const origins = await unallocatedOrigins(read, ports, basis);
  return {
    currency: read.conversion.currency,
    date_range,
    total: money(total),
    allocated: money(total.minus(nobodys)),
    unallocated: money(nobodys),
    allocated_percent: percentage(total.minus(nobodys), total),
    by_method: shownBy(reached, "method", { basis, money }),
    by_reason: shownBy(rest, "reason", { basis, money }),
    top_unallocated: origins.slice(0, listedAtMost).map(({ provider, reason, origin, amount }) => ({
      provider,
      sub_account_id: origin.subAccountId,
      api_key_id: origin.apiKeyId,
      tags: origin.tags,
      reason,
      amount: money(amount),
    })),
    suggestions: suggestions(origins, treeOfRead(read)).map(({ entityId, amount, ...value }) => ({
      ...value,
      entity_id: entityId,
      amount: money(amount),
    })),
    completeness,
  };
}

interface UnallocatedOrigin {
  provider: string;
  reason: string;
  origin: Origin;
  amount: Decimal;
}

/** What reached nobody by where it comes from, largest first. */
async function unallocatedOrigins(read: CostRead, ports: CostPorts, basis: Basis): Promise<UnallocatedOrigin[]> {
  const allocation = read.allocation && withMark(read.allocation, originMark, "origin");
  const groups = await groupsBy({ ...read, allocation }, ports, ["entity", "provider", "reason", "mark"]);
  const rest = groups.filter(({ key }) => key.entity === unallocated);
  rest.sort(
    (a, b) =>
      b.sums[basis].abs().cmp(a.sums[basis].abs()) ||
      compareText(a.key.provider, b.key.provider) ||
      compareText(a.key.mark, b.key.mark),
  );
  return rest.map(({ key: { provider, reason, mark }, sums }) => ({
    ...{ provider, reason, amount: sums[basis] },
    origin: JSON.parse(mark) as Origin,
  }));
}

function treeOfRead({ allocation }: CostRead): Tree {
  if (allocation === undefined) throw new Error("coverage without allocation");
  return allocation.input.tree;
}
