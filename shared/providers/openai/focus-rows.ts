import { parseAmount } from "#shared/money/amount.ts";
import { billedCharge } from "../billed-charge.ts";
import { bothSides, type Matching } from "../both-sides.ts";
import { findings } from "../findings.ts";
import type { StatedQuantity } from "../focus-pricing.ts";
import { type Charge, focusRow } from "../focus-rows.ts";
import type { FocusContext, Pulled, Row } from "../provider.ts";
import type { BilledRow, ComputedRow, UsageRow } from "../raw-rows.ts";
import type { LineItems } from "./line-items.ts";
import { type QuantityJoin, quantityJoin } from "./quantity-join.ts";

/**
 * Rows of `cost_data_standard` from the billed and usage rows of one run: one per billed row, since the Costs API is the
 * truth. Source: `provider-adapters.md` 3.1 and 3.12.
 */
export function openaiFocusRows(context: FocusContext, items: LineItems): Pulled {
  const found = findings();
  const billed = (context.rows["genai_billed_daily_raw"] ?? []) as unknown as readonly BilledRow[];
  const usage = (context.rows["genai_usage_daily_raw"] ?? []) as unknown as readonly UsageRow[];
  const joined = quantityJoin(billed, usage, (text) => items(text).meter);
  const computed = (context.rows["genai_computed_daily"] ?? []) as unknown as readonly ComputedRow[];
  const sides = bothSides(billed, { computed, usage }, matchingOf(billed, items));
  const { provider, accountId, accountName } = context;
  const account = { provider, accountId, accountName, accountType: "Organization" };
  const rows: Row[] = [];
  for (const row of billed) {
    const charge = chargeOf(row, joined);
    const cost = focusRow(charge, account);
    if (cost?.["x_quantity_basis"] === "charge") found.add("quantity_missing", "quantity", row.line_item);
    if (cost) rows.push({ ...cost, ...sides(row) });
  }
  return { rows: { cost_data_standard: rows }, days: { ...context.days }, findings: found.list(), warnings: [] };
}

/** Day, project, key and model by token type or meter, tiers summed; keys are summed where costs are not told apart by key. */
function matchingOf(billed: readonly BilledRow[], items: LineItems): Matching {
  const isByKey = billed.some(({ api_key_id }) => api_key_id !== null);
  return {
    kindOf: (row) => row.token_type ?? items(row.line_item).meter,
    keysOf: ({ usage_date, project_id, api_key_id, model, kind }) => [
      JSON.stringify([usage_date, project_id, isByKey ? api_key_id : null, isTool(kind) ? null : model, kind]),
    ],
  };
}

/** Charges for tools name no model. */
function isTool(kind: string): boolean {
  return kind.endsWith("_calls") || kind.endsWith("_sessions") || kind === "storage_bytes";
}

function chargeOf(row: BilledRow, joined: QuantityJoin): Charge {
  const sku = `openai/${row.line_item}`;
  const quantity = quantityOf(row, joined);
  return billedCharge(row, { subAccountType: "Project", sku: { id: sku, priceId: sku }, quantity });
}

function quantityOf(row: BilledRow, joined: QuantityJoin): StatedQuantity | null {
  if (row.quantity !== null && row.quantity_unit !== null) {
    return { value: parseAmount(row.quantity), unit: row.quantity_unit, basis: "reported" };
  }
  const counted = joined(row);
  return counted && { ...counted, basis: "usage_join" };
}
