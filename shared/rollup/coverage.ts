import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { platformFacts } from "#shared/costs/platform-facts.ts";
import { type CostPorts, openRead, summaryOf } from "#shared/costs/read-summary.ts";
import { CostSummary } from "#shared/costs/summary-schema.ts";
import { percentage } from "#shared/costs/sums.ts";
import { compareText, unallocated } from "#shared/hierarchy/tree.ts";
import { moneyText, sumAmounts, zero } from "#shared/money/amount.ts";
import { minorDigits } from "#shared/money/currencies.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";
import { entityGroups, groupsBy, ownCosts } from "./entity-sums.ts";
import { rangeTooLong, shownBy } from "./rollup.ts";

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
    strictObject({ provider: Type.String(), service: Type.String(), reason: Type.String(), amount: Money }),
    { maxItems: listedAtMost },
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
  const origins = (await groupsBy(read, ports, ["entity", "provider", "service", "reason"])).filter(
    ({ key }) => key.entity === unallocated,
  );
  origins.sort(
    (a, b) =>
      b.sums[basis].abs().cmp(a.sums[basis].abs()) ||
      compareText(a.key.provider, b.key.provider) ||
      compareText(a.key.service, b.key.service),
  );
  return {
    currency: read.conversion.currency,
    date_range,
    total: money(total),
    allocated: money(total.minus(nobodys)),
    unallocated: money(nobodys),
    allocated_percent: percentage(total.minus(nobodys), total),
    by_method: shownBy(reached, "method", { basis, money }),
    by_reason: shownBy(rest, "reason", { basis, money }),
    top_unallocated: origins.slice(0, listedAtMost).map(({ key, sums }) => ({
      provider: key.provider,
      service: key.service,
      reason: key.reason,
      amount: money(sums[basis]),
    })),
    completeness,
  };
}
