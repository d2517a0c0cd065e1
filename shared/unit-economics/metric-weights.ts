import type { OrgIdentity } from "#shared/access/caller.ts";
import type { AllocationInput } from "#shared/hierarchy/allocate.ts";
import type { SpreadWeights } from "#shared/hierarchy/rule-action.ts";
import { lineOf, type Tree } from "#shared/hierarchy/tree.ts";
import { type Decimal, parseAmount, zero } from "#shared/money/amount.ts";
import type { Documents, Transaction } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { MetricDocument } from "./metric.ts";
import { type DayValue, metricNamed, storedMetrics, valuesBetween } from "./metric-store.ts";

/** The metrics that shared cost can be spread by: those whose values are entities. */
export async function spreadableMetrics(
  org: Pick<OrgIdentity, "key">,
  from: Pick<Documents, "list"> | Pick<Transaction, "list">,
): Promise<ReadonlyMap<string, MetricDocument>> {
  const standing = (await storedMetrics(org, from)).flatMap(({ body }) => (body.deletedAt === null ? [body] : []));
  return new Map(standing.filter(({ dimension }) => dimension === "entity").map((metric) => [metric.metric, metric]));
}

interface Weighing {
  org: Pick<OrgIdentity, "key">;
  tree: Tree;
  /** As they stood when the read began. */
  metrics: readonly MetricDocument[];
  /** `yyyy-mm`. */
  month: string;
}

/**
 * The weights that metrics give entities in a month, and in each of its UTC days: an entity's own values and those of all
 * below it. Throws `READ_BUSY` when a metric has changed since. Source: hierarchy.md 2.3.
 */
export async function metricWeightsOf(
  { org, tree, metrics, month }: Weighing,
  documents: Documents,
): Promise<NonNullable<AllocationInput["metricWeights"]>> {
  const found = new Map<string, SpreadWeights>();
  for (const metric of metrics) {
    const days = await daysOfMonth(org, metric, month, documents);
    for (const { day, values } of days) found.set(`${metric.metric} ${day}`, subtreeWeights(values, tree));
    found.set(metric.metric, subtreeWeights(monthValues(days, metric), tree));
  }
  return (metric, day) => found.get(day === undefined ? metric : `${metric} ${day}`) ?? new Map();
}

function daysOfMonth(
  org: Weighing["org"],
  metric: MetricDocument,
  month: string,
  documents: Documents,
): Promise<{ day: string; values: DayValue[] }[]> {
  return documents.transaction(async (tx) => {
    const { body } = await metricNamed(org, metric.metric, tx);
    if (body.valuesVersion !== metric.valuesVersion || body.series !== metric.series)
      throw new AppError("READ_BUSY", "A metric changed while it was read.", { retryable: true, retryAfterSeconds: 1 });
    const days: { day: string; values: DayValue[] }[] = [];
    const range = { start: `${month}-01`, end: `${month}-31` };
    for await (const day of valuesBetween(org, body, range, tx)) days.push(day);
    return days;
  });
}

/** One quantity per entity of a month, as the metric's days become a period. */
function monthValues(
  days: readonly { values: readonly DayValue[] }[],
  { aggregation }: MetricDocument,
): Pick<DayValue, "dimension" | "quantity">[] {
  const quantities = new Map<string, Decimal[]>();
  for (const { values } of days)
    for (const { dimension, quantity } of values)
      quantities.set(dimension, [...(quantities.get(dimension) ?? []), parseAmount(quantity)]);
  return [...quantities].map(([dimension, each]) => {
    const sum = each.reduce((all, one) => all.plus(one), zero);
    const ofMonth = { sum, average: sum.div(each.length), last: each.at(-1) ?? zero }[aggregation];
    return { dimension, quantity: ofMonth.toFixed() };
  });
}

function subtreeWeights(values: readonly Pick<DayValue, "dimension" | "quantity">[], tree: Tree): SpreadWeights {
  const weights = new Map<string, Decimal>();
  for (const { dimension, quantity } of values)
    for (const { id } of lineOf(tree, dimension))
      weights.set(id, (weights.get(id) ?? zero).plus(parseAmount(quantity)));
  return weights;
}
