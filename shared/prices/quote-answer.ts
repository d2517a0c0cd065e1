import { type Static, Type } from "@sinclair/typebox";
import { amountText, type Decimal } from "#shared/money/amount.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";
import { PriceRow } from "./price-answer.ts";
import { Match } from "./prices-read.ts";

const amount = () => nullable(Type.String());

export const QuoteAnswer = strictObject({
  flow: Type.String(),
  provider: Type.String(),
  day: Type.String(),
  currency: nullable(Type.String()),
  list_cost: amount(),
  contracted_cost: amount(),
  status: Type.String({ description: "exact, estimate, or unpriced when no line has a price" }),
  complete: Type.Boolean({ description: "False while any line is unpriced" }),
  lines: Type.Array(
    strictObject({
      meter: Type.String(),
      quantity: Type.String(),
      unit_quantity: Type.Integer(),
      rate: amount(),
      list_rate: amount(),
      multiplier: Type.String(),
      cost: amount(),
      list_cost: amount(),
      price_status: Type.String(),
    }),
  ),
  price: nullable(PriceRow),
  match: Match,
  assumptions: Type.Array(Type.String()),
  gpu_hours: Type.Optional(Type.String()),
  price_book_version: Type.String(),
});
export type QuoteAnswer = Static<typeof QuoteAnswer>;

export function textOf(value: Decimal | null): string | null {
  return value === null ? null : amountText(value);
}
