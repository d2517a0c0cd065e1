import { amountText, type Decimal, parseAmount, sumAmounts, zero } from "#shared/money/amount.ts";
import type { ComputedRow } from "#shared/providers/raw-rows.ts";
import { grouped } from "./grouped.ts";
import type { CurrencyTotals, RepriceLists, RepriceRow, RepriceSummary } from "./reprice.ts";
import type { LineMove } from "./repriced-lines.ts";

/** A line that was asked for; `counted` where its money is in the organization's totals. */
export interface CountedMove extends LineMove {
  counted: boolean;
}

const mostRows = 5_000;

type Summed = RepriceLists & Omit<RepriceSummary, "closed_months">;

/**
 * What a repricing changes. Totals, days and models are of the money that counts, moved or not, so that they add up to
 * what cost answers will show; what is computed beside reported money has sums of its own. Source: `prices-and-plans.md` A8.
 */
export function repriceSums(moves: readonly CountedMove[]): Summed {
  const counted = moves.filter((move) => move.counted);
  const totals = totalsOf(counted);
  const [only, ...others] = totals;
  const single =
    others.length > 0 ? undefined : (only ?? { currency: null, old_total: "0", new_total: "0", difference: "0" });
  const rows = rowsOf(moves);
  const unpriced = (side: LineMove["before"]): boolean => side !== undefined && side.price_status === "unpriced";
  return {
    currency: single?.currency ?? null,
    old_total: single?.old_total ?? null,
    new_total: single?.new_total ?? null,
    difference: single?.difference ?? null,
    totals_by_currency: totals,
    rows_truncated: rows.length > mostRows,
    untouched_provider_reported: totalsOf(moves.filter((move) => !move.counted)),
    by_day: [...grouped(counted, ({ after }) => after.usage_date)]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([day, own]) => totalsOf(own).map((sums) => ({ day, ...costs(sums) }))),
    by_model: byModel(counted),
    rows: rows.slice(0, mostRows),
    newly_priced: meters(
      moves.filter(({ before, after }) => !unpriced(after) && (before === undefined || unpriced(before))),
    ),
    still_unpriced: meters(moves.filter(({ after }) => unpriced(after))),
  };
}

function costs({ currency, old_total: old_cost, new_total: new_cost, difference }: CurrencyTotals) {
  return { currency, old_cost, new_cost, difference };
}

/** By currency, old sums in the old line's and new sums in the new line's; never across. */
function totalsOf(moves: readonly LineMove[]): CurrencyTotals[] {
  const currencies = new Set(moves.flatMap(({ before, after }) => [before?.currency, after.currency]));
  const sumIn = (lines: readonly (ComputedRow | undefined)[], currency: string): Decimal =>
    sumAmounts(lines.flatMap((line) => (line?.currency === currency ? (costOf(line) ?? []) : [])));
  return [...currencies]
    .filter((currency) => currency != null)
    .sort()
    .map((currency) => {
      const before = sumIn(
        moves.map((move) => move.before),
        currency,
      );
      const after = sumIn(
        moves.map((move) => move.after),
        currency,
      );
      return {
        currency,
        old_total: amountText(before),
        new_total: amountText(after),
        difference: amountText(after.minus(before)),
      };
    });
}

function byModel(moves: readonly LineMove[]): RepriceLists["by_model"] {
  const groups = grouped(moves, ({ after }) => JSON.stringify([after.provider, after.model]));
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, own]) => {
      const { provider = "", model = null } = own[0]?.after ?? {};
      return totalsOf(own).map((sums) => ({ provider, model_id: model, ...costs(sums) }));
    });
}

/** Moved lines of a day, model, meter and pair of prices as one, the largest difference first; new and lost money before. */
function rowsOf(moves: readonly CountedMove[]): RepriceRow[] {
  const moved = moves.filter(({ before, after }) => before !== after);
  const groups = grouped(moved, ({ before, after, counted }) => {
    const prices = [before?.price_id, after.price_id, before?.currency, after.currency];
    return JSON.stringify([after.usage_date, after.provider, after.model, after.sku_meter, ...prices, counted]);
  });
  const rows = [...groups].map(([key, own]) => ({ key, row: rowOf(own) }));
  const size = ({ difference }: RepriceRow): Decimal | null =>
    difference === null ? null : parseAmount(difference).abs();
  return rows
    .sort((a, b) => {
      const [one, other] = [size(a.row), size(b.row)];
      if (one === null || other === null) return one === other ? byText(a.key, b.key) : one === null ? -1 : 1;
      return other.comparedTo(one) || byText(a.key, b.key);
    })
    .map(({ row }) => row);
}

function rowOf(own: readonly CountedMove[]): RepriceRow {
  const [first] = own;
  if (first === undefined) throw new Error("a group without lines");
  const { before, after, counted } = first;
  const old = sumOf(own.map((move) => move.before));
  const next = sumOf(own.map((move) => move.after));
  const isComparable = old !== null && next !== null && before?.currency === after.currency;
  return {
    day: after.usage_date,
    provider: after.provider,
    model_id: after.model,
    meter: after.sku_meter,
    quantity: quantityOf(own),
    old_currency: before?.currency ?? null,
    new_currency: after.currency,
    old_cost: old && amountText(old),
    new_cost: next && amountText(next),
    difference: isComparable ? amountText(next.minus(old)) : null,
    old_price_id: before?.price_id ?? null,
    new_price_id: after.price_id,
    counted,
  };
}

function meters(moves: readonly LineMove[]): RepriceLists["newly_priced"] {
  const groups = grouped(moves, ({ after }) => JSON.stringify([after.provider, after.model, after.sku_meter]));
  return [...groups]
    .sort(([a], [b]) => byText(a, b))
    .map(([, own]) => {
      const { provider = "", model = null, sku_meter: meter = "" } = own[0]?.after ?? {};
      const days = new Set(own.map(({ after }) => after.usage_date)).size;
      return { provider, model_id: model, meter, days, quantity: quantityOf(own) };
    });
}

function quantityOf(moves: readonly LineMove[]): string {
  return amountText(sumAmounts(moves.map(({ after }) => parseAmount(after.quantity))));
}

/** Null where one of the lines has no price: a sum without it would be a wrong one. */
function sumOf(lines: readonly (ComputedRow | undefined)[]): Decimal | null {
  return lines.reduce<Decimal | null>((sum, line) => {
    const cost = line && costOf(line);
    return sum === null || cost === undefined || cost === null ? null : sum.plus(cost);
  }, zero);
}

function costOf({ contracted_cost: cost }: ComputedRow): Decimal | null {
  return cost === null ? null : parseAmount(cost);
}

function byText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
