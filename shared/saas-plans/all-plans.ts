import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { amountText, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { isCharging, type PlanVersion, planStatus, planStatuses } from "./plan.ts";
import { PlanAnswer, planAnswer } from "./plan-answer.ts";
import { utcDay } from "./plan-days.ts";
import { planVersions } from "./plan-store.ts";
import { PlanTotals } from "./plan-totals.ts";
import { ordered, type PlanReadPorts, representatives, totalsOf } from "./plans-read.ts";

const optional = Type.Optional;

export const AllPlansQuery = strictObject({
  enabled_only: optional(Type.Boolean({ description: "Only plans that are active or pending" })),
  page: optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
  page_size: optional(Type.Integer({ minimum: 1, maximum: 500 })),
});
type AllPlansQuery = Static<typeof AllPlansQuery>;

const Category = strictObject({
  category: Type.String(),
  plans: Type.Integer(),
  monthly_by_currency: Type.Record(Type.String(), Type.String()),
});

export const AllPlans = strictObject({
  success: Type.Boolean(),
  plans: Type.Array(PlanAnswer),
  summary: strictObject({
    ...PlanTotals,
    count_by_status: Type.Record(Type.String(), Type.Integer()),
    by_category: Type.Array(Category),
  }),
  pagination: strictObject({
    page: Type.Integer(),
    page_size: Type.Integer(),
    total: Type.Integer(),
    total_pages: Type.Integer(),
  }),
});
export type AllPlans = Static<typeof AllPlans>;

/** Plans of all providers, one version of each line, page by page; the summary is of all of them. */
export async function allPlans(
  { org, query }: { org: OrgIdentity; query: AllPlansQuery },
  given: PlanReadPorts,
): Promise<AllPlans> {
  const versions = await planVersions(org, undefined, given.documents);
  const today = utcDay(given.clock.now());
  const lines = ordered(representatives(versions, today));
  const wanted = lines.filter(
    (version) => query.enabled_only !== true || ["active", "pending"].includes(planStatus(version, today)),
  );
  const [page, size] = [query.page ?? 1, query.page_size ?? 100];
  const shown = wanted.slice((page - 1) * size, page * size);
  return {
    success: true,
    plans: shown.map((version) => planAnswer(version, org.slug, today)),
    summary: {
      ...(await totalsOf(org, versions, today, given)),
      count_by_status: Object.fromEntries(
        planStatuses.map((status) => [status, lines.filter((each) => planStatus(each, today) === status).length]),
      ),
      by_category: categoriesOf(versions, org, today),
    },
    pagination: {
      ...{ page, page_size: size, total: wanted.length },
      total_pages: Math.max(1, Math.ceil(wanted.length / size)),
    },
  };
}

/** What charges today, by category; currencies stay apart. */
function categoriesOf(versions: readonly PlanVersion[], org: OrgIdentity, today: string) {
  const charging = versions.filter((version) => isCharging(version, today));
  const names = [...new Set(charging.map(({ category }) => category ?? "other"))].sort();
  return names.map((category) => {
    const own = charging.filter((version) => (version.category ?? "other") === category);
    const currencies = [...new Set(own.map(({ currency }) => currency))].sort();
    const monthly = (currency: string): string => {
      const costs = own
        .filter((version) => version.currency === currency)
        .flatMap((version) => planAnswer(version, org.slug, today).monthly_cost ?? []);
      return amountText(sumAmounts(costs.map(parseAmount)));
    };
    return {
      category,
      plans: own.length,
      monthly_by_currency: Object.fromEntries(currencies.map((currency) => [currency, monthly(currency)])),
    };
  });
}
