import type { Totals } from "#shared/ledger/ledger.ts";
import { parseAmount } from "#shared/money/amount.ts";
import type { CheckedRows, Verdict } from "./checked-rows.ts";
import { countsByGroup, sumsBy } from "./group-sums.ts";

/** What was written of a group, as its writer counted it. */
export interface Written {
  rows: number;
  totals: Totals;
}

/** Rows and, where there is money, billed sums by currency: as they come back against what was written. */
export async function asWritten(written: ReadonlyMap<string, Written>, rows: CheckedRows): Promise<Verdict[]> {
  const counts = await countsByGroup(rows);
  const billed = await billedByGroup(rows);
  return rows.groups.flatMap(({ name }) => {
    const should = written.get(name) ?? { rows: 0, totals: {} };
    const differences = [
      ...rowDifference(counts.get(name) ?? 0, should.rows),
      ...(billed === undefined ? [] : moneyDifferences(billed.get(name) ?? new Map(), should.totals)),
    ];
    if (differences.length === 0) return [];
    const texts = (side: "is" | "should"): string => differences.map((difference) => difference[side]).join(", ");
    return [{ group: name, observed: texts("is"), bound: `as written: ${texts("should")}`, offending: [] }];
  });
}

interface Difference {
  is: string;
  should: string;
}

function rowDifference(is: number, should: number): Difference[] {
  return is === should ? [] : [{ is: `${is} rows`, should: `${should} rows` }];
}

function moneyDifferences(is: ReadonlyMap<string, string>, should: Totals): Difference[] {
  return [...new Set([...is.keys(), ...Object.keys(should)])].sort().flatMap((currency) => {
    const [found, wanted] = [is.get(currency) ?? "0", should[currency]?.[0] ?? "0"];
    if (parseAmount(found).eq(parseAmount(wanted))) return [];
    return [{ is: `${found} ${currency}`, should: `${wanted} ${currency}` }];
  });
}

/** Decimal text by currency, by group; undefined for a table without money that counts. */
async function billedByGroup(rows: CheckedRows): Promise<Map<string, Map<string, string>> | undefined> {
  if (!rows.frame.columns.includes("BilledCost")) return undefined;
  const byGroup = new Map<string, Map<string, string>>();
  for (const { group, key, sum } of (await sumsBy(rows, "BilledCost", ["BillingCurrency"])).values()) {
    const known = byGroup.get(group) ?? new Map<string, string>();
    byGroup.set(group, known.set(key, sum.toFixed()));
  }
  return byGroup;
}
