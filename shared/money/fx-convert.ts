import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";
import { type Decimal, moneyText, parseAmount } from "./amount.ts";
import { loadMinorDigits, minorDigits } from "./currencies.ts";
import { converted } from "./fx.ts";
import { currencyCode, FxUsed } from "./fx-answer.ts";
import { lookUpRate } from "./fx-look-up.ts";
import { fxBook } from "./fx-store.ts";

const CurrencyText = Type.String({ pattern: "^[A-Za-z]{3}$" });

export const FxConvertQuery = strictObject({
  amount: Type.String({ pattern: "^-?\\d{1,26}(\\.\\d{1,12})?$", maxLength: 60 }),
  from: CurrencyText,
  to: CurrencyText,
  date: Type.Optional(Type.String({ format: "date", description: "UTC day; today unless given" })),
});
export type FxConvertQuery = Static<typeof FxConvertQuery>;

export const FxConverted = strictObject({
  amount: Type.String(),
  converted: Type.String(),
  currency: Type.String({ description: "Of the converted amount" }),
  fx: nullable(FxUsed),
});
export type FxConverted = Static<typeof FxConverted>;

/**
 * An amount in another currency, as costs of that UTC day are converted; `fx` is null where there is nothing to convert.
 * Throws `CURRENCY_UNKNOWN`, `FX_RATE_NOT_FOUND` where no source knows the pair, `AMOUNT_OUT_OF_RANGE`.
 */
export async function convertAmount(
  { org, query }: { org: OrgIdentity; query: FxConvertQuery },
  { documents, clock }: { documents: Documents } & Pick<Surroundings, "clock">,
): Promise<FxConverted> {
  const known = await loadMinorDigits();
  const from = currencyCode(query.from, known, "/from");
  const to = currencyCode(query.to, known, "/to");
  const amount = parseAmount(query.amount);
  const show = (value: Decimal, currency: string): string => moneyText(value, minorDigits(known, currency));
  const day = query.date ?? clock.now().toISOString().slice(0, 10);
  if (from === to) return { amount: show(amount, from), converted: show(amount, to), currency: to, fx: null };
  const fx = await lookUpRate({ from, to, day }, await fxBook(org, documents));
  if (fx === undefined) throw new AppError("FX_RATE_NOT_FOUND", `No source has a rate from ${from} to ${to}.`);
  return {
    amount: show(amount, from),
    converted: show(converted(amount, parseAmount(fx.rate)), to),
    currency: to,
    fx,
  };
}
