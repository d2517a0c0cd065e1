import { type Static, Type } from "@sinclair/typebox";
import type { FoundAdjustment } from "#shared/ledger/adjustments.ts";
import { moneyText, parseAmount } from "#shared/money/amount.ts";
import type { MinorDigits } from "#shared/money/currencies.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";

/** A row that corrects a closed month. `final` lies in a month that is closed itself; `open` may still be replaced. */
export const AdjustmentAnswer = strictObject({
  row_id: Type.String(),
  kind: choice(["automatic", "manual"]),
  month: Type.String(),
  corrects_day: nullable(Type.String()),
  effective_date: Type.String(),
  amount: Type.String(),
  currency: Type.String(),
  provider: Type.String(),
  service: Type.String(),
  category: Type.String(),
  account: nullable(Type.String()),
  reason: nullable(Type.String()),
  created_at: Type.String({ format: "date-time" }),
  created_by: nullable(Type.String()),
  state: choice(["open", "final"]),
});
export type AdjustmentAnswer = Static<typeof AdjustmentAnswer>;

/** What an answer takes of a row of `cost_data_standard`. */
export const adjustmentColumns = [
  "x_row_id",
  "x_charge_date",
  "BilledCost",
  "BillingCurrency",
  "x_provider",
  "ServiceName",
  "x_category",
  "SubAccountId",
];

export function adjustmentAnswer(
  row: Record<string, unknown>,
  of: Pick<FoundAdjustment, "kind" | "month" | "day" | "at" | "by" | "reason">,
  { isFinal, digits }: { isFinal: boolean; digits: MinorDigits },
): AdjustmentAnswer {
  const currency = String(row["BillingCurrency"]);
  return {
    row_id: String(row["x_row_id"]),
    kind: of.kind,
    month: of.month,
    corrects_day: of.day,
    effective_date: String(row["x_charge_date"]),
    amount: moneyText(parseAmount(String(row["BilledCost"])), digits.get(currency) ?? 2),
    currency,
    provider: String(row["x_provider"]),
    service: String(row["ServiceName"]),
    category: String(row["x_category"]),
    account: row["SubAccountId"] === null || row["SubAccountId"] === undefined ? null : String(row["SubAccountId"]),
    reason: of.reason ?? null,
    created_at: of.at,
    created_by: of.by ?? null,
    state: isFinal ? "final" : "open",
  };
}
