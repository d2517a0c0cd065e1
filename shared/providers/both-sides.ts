import { amountText, type Decimal, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import type { Row } from "./provider.ts";
import type { BilledRow, ComputedRow, UsageRow } from "./raw-rows.ts";

/** Where a charge or a priced line stands: the columns that keys are made of. */
export type Place = Pick<
  UsageRow,
  "usage_date" | "project_id" | "api_key_id" | "model" | "context_window" | "inference_geo"
> & {
  service_tier: string | null;
  /** Token type, or the meter of a tool. */
  kind: string;
};

/** How a provider's charges and its priced usage find each other. */
export interface Matching {
  /** Token type of a charge, or the usage meter that counts the same tool; null: nothing computed stands beside it. */
  kindOf(row: BilledRow): string | null;
  /** The finest key that both sides have (`providers.md` 4.1); `isCharge` where the place is a charge's. */
  keysOf(place: Place, isCharge: boolean): readonly string[];
}

interface Computed {
  /** Null when one part has no price: then the key has none. */
  amount: Decimal | null;
  priceIds: Set<string>;
  versions: Set<string>;
}

/** The part of the token vector a priced meter belongs to; a meter of something else stays itself. */
export function kindOfMeter(meter: string): string {
  if (!/(^|_)(input|output)$/.test(meter)) return meter;
  if (meter.startsWith("cached_")) return "cache_read";
  return meter.endsWith("input") ? "uncached_input" : "output";
}

/**
 * `x_reported` and `x_computed` of a charge, with the price that was used: both sums of its key, where both exist, for the
 * check of units and for reconciliation; never added to a cost. Source: `tables.md` 4, `providers.md` 4.1.
 */
export function bothSides(
  billed: readonly BilledRow[],
  rows: { computed: readonly ComputedRow[]; usage: readonly UsageRow[] },
  matching: Matching,
): (row: BilledRow) => Row {
  const keyOf = (row: BilledRow): string | undefined => {
    const kind = row.charge_category === "Usage" ? matching.kindOf(row) : null;
    return kind === null ? undefined : matching.keysOf({ ...row, kind }, true)[0];
  };
  const reported = new Map<string, Decimal[]>();
  for (const row of billed) {
    const key = keyOf(row);
    if (key !== undefined) reported.set(key, [...(reported.get(key) ?? []), parseAmount(row.amount)]);
  }
  const computed = computedByKey(rows, matching);
  return (row) => {
    const key = keyOf(row);
    const found = key === undefined ? undefined : computed.get(key);
    if (key === undefined || found === undefined || found.amount === null) return {};
    return {
      x_reported: amountText(sumAmounts(reported.get(key) ?? [])),
      x_computed: amountText(found.amount),
      x_price_id: onlyOne(found.priceIds),
      x_price_version: onlyOne(found.versions),
    };
  };
}

function computedByKey(
  { computed, usage }: { computed: readonly ComputedRow[]; usage: readonly UsageRow[] },
  { keysOf }: Matching,
): Map<string, Computed> {
  const places = new Map(usage.map((row) => [row.x_source_record_id, row]));
  const sums = new Map<string, Computed>();
  for (const line of computed) {
    const place = places.get(line.usage_record_id);
    if (place === undefined) continue;
    for (const key of keysOf({ ...place, kind: kindOfMeter(line.sku_meter) }, false)) {
      const sum = sums.get(key) ?? { amount: parseAmount("0"), priceIds: new Set(), versions: new Set() };
      const cost = line.contracted_cost;
      sum.amount = sum.amount === null || cost === null ? null : sum.amount.plus(cost);
      if (line.price_id !== null) sum.priceIds.add(line.price_id);
      sum.versions.add(line.price_version);
      sums.set(key, sum);
    }
  }
  return sums;
}

function onlyOne(values: ReadonlySet<string>): string | null {
  return values.size === 1 ? ([...values][0] ?? null) : null;
}
