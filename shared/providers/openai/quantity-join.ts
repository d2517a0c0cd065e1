import { type Decimal, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import type { BilledRow, UsageRow } from "../raw-rows.ts";

/** The quantity the usage endpoints counted for a billed row, when exactly one meter and one row fit each other. */
export type QuantityJoin = (row: BilledRow) => { value: Decimal; unit: string } | null;

/**
 * For money without a quantity: the usage meter of the same tool, day, project and key. Two billed rows that claim one
 * meter both get nothing, else its quantity would count twice. Where costs are not told apart by key, the meter's keys
 * are summed. Source: `provider-adapters.md` 3.1.
 */
export function quantityJoin(
  billed: readonly BilledRow[],
  usage: readonly UsageRow[],
  meterOf: (lineItem: string) => string | null,
): QuantityJoin {
  const isByKey = billed.some(({ api_key_id }) => api_key_id !== null);
  const placeOf = (row: BilledRow | UsageRow, meter: string) =>
    JSON.stringify([row.usage_date, row.project_id, isByKey ? row.api_key_id : null, meter]);
  const placeOfCharge = (row: BilledRow): string | null => {
    const meter = row.charge_category === "Usage" && row.quantity === null ? meterOf(row.line_item) : null;
    return meter === null ? null : placeOf(row, meter);
  };
  const claims = countBy(billed.flatMap((row) => placeOfCharge(row) ?? []));
  const meters = new Map<string, UsageRow[]>();
  for (const row of usage) {
    const place = placeOf(row, row.meter);
    meters.set(place, [...(meters.get(place) ?? []), row]);
  }
  return (row) => {
    const place = placeOfCharge(row);
    const counted = place !== null && claims.get(place) === 1 ? meters.get(place) : undefined;
    const first = counted?.[0];
    if (!counted || !first) return null;
    return { value: sumAmounts(counted.map(({ quantity }) => parseAmount(quantity))), unit: first.unit };
  };
}

function countBy(places: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const place of places) counts.set(place, (counts.get(place) ?? 0) + 1);
  return counts;
}
