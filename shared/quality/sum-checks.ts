import { type Decimal, parseAmount, zero } from "#shared/money/amount.ts";
import { type CheckedRows, firstOf, type Verdict } from "./checked-rows.ts";
import type { ExpectationOf } from "./expectation.ts";
import { countsByGroup, type GroupSum, sumsBy } from "./group-sums.ts";
import { madeOnce } from "./made-once.ts";

/** Checks of exact sums. Amounts leave polars as text; comparisons are decimal. */

export async function rowCountBetween(
  { min, max }: ExpectationOf<"row_count_between">,
  rows: CheckedRows,
): Promise<Verdict[]> {
  const counts = await countsByGroup(rows);
  return rows.groups.flatMap(({ name, days }) => {
    const count = counts.get(name) ?? 0;
    const isEmpty = count === 0 && days.every((day) => day.isEmpty);
    const isWithin = count >= (min ?? 0) && count <= (max ?? Number.MAX_SAFE_INTEGER);
    if (isWithin || isEmpty) return [];
    return [{ group: name, observed: `${count} rows`, bound: `${min ?? 0} to ${max ?? "any"} rows`, offending: [] }];
  });
}

/** `reference` are the rows of the other table where the expectation names one. */
export async function sumCloseTo(
  expectation: ExpectationOf<"sum_close_to">,
  rows: CheckedRows,
  reference: CheckedRows,
): Promise<Verdict[]> {
  const { column, group_by } = expectation;
  const referenceColumn = expectation.reference.split(".").at(-1) ?? "";
  const sums = await sumsBy(rows, column, group_by);
  const references = await sumsBy(reference, referenceColumn, group_by);
  const tolerance = {
    absolute: parseAmount(expectation.tolerance_abs),
    percent: parseAmount(expectation.tolerance_pct),
  };
  const byGroup = new Map<string, Verdict>();
  for (const key of [...new Set([...sums.keys(), ...references.keys()])].sort()) {
    const [is, should] = [sums.get(key) ?? noSum(references.get(key)), references.get(key) ?? noSum(sums.get(key))];
    if (isClose(is.sum, should.sum, tolerance)) continue;
    const observed = `${is.sum.toFixed()} against ${should.sum.toFixed()}`;
    const known = byGroup.get(is.group) ?? { group: is.group, observed, bound: boundOf(expectation), offending: [] };
    byGroup.set(is.group, { ...known, offending: firstOf([...known.offending, is.key]) });
  }
  return [...byGroup.values()];
}

function boundOf({ reference, tolerance_abs, tolerance_pct }: ExpectationOf<"sum_close_to">): string {
  return `${reference} within ${tolerance_abs} or ${tolerance_pct} %`;
}

/** abs(a - b) <= max(absolute, percent x abs(b) / 100). */
function isClose(a: Decimal, b: Decimal, tolerance: { absolute: Decimal; percent: Decimal }): boolean {
  const allowed = tolerance.percent.times(b.abs()).div(100);
  return a
    .minus(b)
    .abs()
    .lte(allowed.gt(tolerance.absolute) ? allowed : tolerance.absolute);
}

/**
 * Cents read as dollars are a hundred times too much: over the rows that have both sides, reported and computed must lie
 * within the ratio of each other. Where little was computed nothing can be told. Source: `providers.md` 4.4.
 */
export async function unitSanity(
  { reported, computed, max_ratio, min_abs }: ExpectationOf<"unit_sanity">,
  rows: CheckedRows,
): Promise<Verdict[]> {
  const { pl } = rows;
  const hasBoth = madeOnce(["both", reported, computed], () =>
    pl.col(reported).isNotNull().and(pl.col(computed).isNotNull()),
  );
  const both = { ...rows, frame: rows.frame.filter(hasBoth) };
  const currency = currencyOf(rows);
  const r = await sumsBy(both, reported, currency);
  const c = await sumsBy(both, computed, currency);
  const [k, least] = [parseAmount(max_ratio), parseAmount(min_abs)];
  return [...r].flatMap(([key, { group, sum }]) => {
    const other = c.get(key)?.sum ?? zero;
    if (other.abs().lt(least) || other.isZero()) return [];
    const ratio = sum.div(other);
    if (ratio.gte(parseAmount("1").div(k)) && ratio.lte(k)) return [];
    const text = ratio.toSignificantDigits(6).toFixed();
    return [
      {
        group,
        ratio: text,
        observed: `ratio ${text} (${sum.toFixed()} / ${other.toFixed()})`,
        bound: `ratio 1/${k.toFixed()} to ${k.toFixed()}`,
        offending: [key],
      },
    ];
  });
}

function currencyOf({ frame }: CheckedRows): string[] {
  return frame.columns.includes("BillingCurrency") ? ["BillingCurrency"] : [];
}

function noSum(other: GroupSum | undefined): GroupSum {
  return { group: other?.group ?? "", key: other?.key ?? "", sum: zero };
}
