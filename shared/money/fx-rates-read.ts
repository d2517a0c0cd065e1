import { type Static, Type } from "@sinclair/typebox";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";
import { amountText } from "./amount.ts";
import { loadMinorDigits } from "./currencies.ts";
import { carriedDays, crossRate, daysApart, type RateSet } from "./fx.ts";
import { currencyCode } from "./fx-answer.ts";
import { nearestSet } from "./fx-look-up.ts";
import { fxBook } from "./fx-store.ts";

const CurrencyText = Type.String({ pattern: "^[A-Za-z]{3}$" });

export const FxRatesQuery = strictObject({
  date: Type.Optional(Type.String({ format: "date", description: "UTC day; today unless given" })),
  base: Type.Optional(CurrencyText),
  symbols: Type.Optional(Type.Array(CurrencyText, { maxItems: 200, description: "All of the set unless given" })),
});
export type FxRatesQuery = Static<typeof FxRatesQuery>;

export const FxRates = strictObject({
  date: Type.String(),
  rate_date: nullable(Type.String()),
  base: Type.String(),
  rates: Type.Record(Type.String({ pattern: "^[A-Z]{3}$" }), nullable(Type.String()), {
    description: "Units per 1 base; null where the set has no rate of an asked currency",
  }),
  source: nullable(Type.String()),
  carried: Type.Boolean(),
  stale: Type.Boolean(),
});
export type FxRates = Static<typeof FxRates>;

const defaultBase = "EUR";

/**
 * The rates of one set: the market's latest on or before the UTC day that holds the base, else its earliest after it, else
 * the seed. Throws `CURRENCY_UNKNOWN` for a code that is no currency.
 */
export async function readRates(
  query: FxRatesQuery,
  { documents, clock }: { documents: Documents } & Pick<Surroundings, "clock">,
): Promise<FxRates> {
  const known = await loadMinorDigits();
  const base = currencyCode(query.base ?? defaultBase, known, "/base");
  const symbols = query.symbols?.map((symbol) => currencyCode(symbol, known, "/symbols"));
  const date = query.date ?? clock.now().toISOString().slice(0, 10);
  const book = await fxBook(undefined, documents);
  const market = await nearestSet(date, book.market, (set) => (set.rates.has(base) ? set : undefined));
  const found = market ?? (book.seed.rates.has(base) ? book.seed : undefined);
  if (found === undefined) {
    const rates = Object.fromEntries((symbols ?? []).map((symbol) => [symbol, null]));
    return { date, rate_date: null, base, rates, source: null, carried: false, stale: false };
  }
  const age = daysApart(found.day, date);
  return {
    date,
    rate_date: found.day,
    base,
    rates: ratesOf(found, base, symbols),
    source: found.source,
    carried: age > 0,
    stale: found === book.seed || age < 0 || age > carriedDays,
  };
}

function ratesOf(set: RateSet, base: string, symbols: readonly string[] | undefined): Record<string, string | null> {
  const asked = symbols ?? [...set.rates.keys()].filter((currency) => currency !== base).sort();
  return Object.fromEntries(
    asked.map((to) => {
      const rate = crossRate(set, { from: base, to });
      return [to, rate === undefined ? null : amountText(rate)];
    }),
  );
}
