import { type Decimal, parseAmount, zero } from "./amount.ts";
import { converted, type FxRate } from "./fx.ts";
import { type FxBook, lookUpRate } from "./fx-look-up.ts";

/** Sums of several currencies added up in one. */
export interface ConvertedSums {
  /** Of the currencies that have a rate. */
  total: Decimal;
  /** The rates used, by currency. */
  fx: FxRate[];
  /** Currencies that no source has a rate for: they are in no total. */
  unconverted: string[];
}

/** Adds sums by currency up in one currency, each converted once at the rate of one UTC day. */
export async function convertSums(
  sums: ReadonlyMap<string, Decimal>,
  { currency, day, book }: { currency: string; day: string; book: FxBook },
): Promise<ConvertedSums> {
  const result: ConvertedSums = { total: sums.get(currency) ?? zero, fx: [], unconverted: [] };
  for (const from of [...sums.keys()].filter((code) => code !== currency).sort()) {
    const rate = await lookUpRate({ from, to: currency, day }, book);
    if (rate === undefined) result.unconverted.push(from);
    else {
      result.fx.push(rate);
      result.total = result.total.plus(converted(sums.get(from) ?? zero, parseAmount(rate.rate)));
    }
  }
  return result;
}
