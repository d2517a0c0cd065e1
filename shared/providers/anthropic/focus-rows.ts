import { parseAmount } from "#shared/money/amount.ts";
import { type BilledFacts, billedCharge } from "../billed-charge.ts";
import { bothSides, type Matching } from "../both-sides.ts";
import { findings } from "../findings.ts";
import type { StatedQuantity } from "../focus-pricing.ts";
import { type Charge, focusRow } from "../focus-rows.ts";
import type { FocusContext, Pulled, Row } from "../provider.ts";
import type { BilledRow, ComputedRow, UsageRow } from "../raw-rows.ts";
import { splitByTokens } from "./key-split.ts";
import { type CountedFor, usageJoin } from "./usage-join.ts";

const dynamicTiers = new Set(["batch", "flex", "flex_discount"]);

/**
 * Rows of `cost_data_standard` from the billed and usage rows of one run. The cost report is the truth; it knows no API
 * keys, so a charge for tokens becomes a row per key that used them. Usage without a charge (priority, flex) gets no row.
 * Source: `provider-adapters.md` 3.2 and 3.12.
 */
export function anthropicFocusRows(context: FocusContext): Pulled {
  const found = findings();
  const billed = (context.rows["genai_billed_daily_raw"] ?? []) as unknown as readonly BilledRow[];
  const usage = (context.rows["genai_usage_daily_raw"] ?? []) as unknown as readonly UsageRow[];
  const countedFor = usageJoin(billed, usage);
  const computed = (context.rows["genai_computed_daily"] ?? []) as unknown as readonly ComputedRow[];
  const sides = bothSides(billed, { computed, usage }, matching);
  const { provider, accountId, accountName } = context;
  const account = { provider, accountId, accountName, accountType: "Organization" };
  const rows: Row[] = [];
  for (const row of billed) {
    for (const charge of chargesOf(row, countedFor(row))) {
      const cost = focusRow(charge, account);
      if (cost?.["x_quantity_basis"] === "charge") found.add("quantity_missing", "quantity", row.line_item);
      if (cost) rows.push({ ...cost, ...sides(row) });
    }
  }
  return { rows: { cost_data_standard: rows }, days: { ...context.days }, findings: found.list(), warnings: [] };
}

/** Day, workspace, model, token type, tier and context, and geo where the charge names one. */
const matching: Matching = {
  kindOf: ({ token_type, cost_type }) => token_type ?? (cost_type === "tool" ? "web_search_calls" : null),
  keysOf: ({ usage_date, project_id, model, service_tier, context_window, inference_geo, kind }, isCharge) => {
    const tool = kind === "web_search_calls";
    const place = [usage_date, project_id, kind, ...(tool ? [] : [model, service_tier, context_window])];
    const geos = isCharge || tool ? [tool ? null : inference_geo] : [...new Set([inference_geo, null])];
    return geos.map((geo) => JSON.stringify([...place, geo]));
  },
};

function chargesOf(row: BilledRow, { shares, quantity }: CountedFor): Charge[] {
  const whole: Charge = {
    ...billedCharge(row, { subAccountType: "Workspace", sku: skuOf(row), quantity: joined(quantity) }),
    isDynamic: row.service_tier !== null && dynamicTiers.has(row.service_tier),
    region: row.inference_geo === "not_available" ? null : row.inference_geo,
  };
  if (shares.every(({ keyId }) => keyId === null)) return [whole];
  const amounts = splitByTokens(whole.amount, shares);
  return shares.map(({ keyId, keyName, tokens }, index) => ({
    ...whole,
    part: keyId,
    amount: amounts[index] ?? whole.amount,
    quantity: joined(quantity && { value: parseAmount(String(tokens)), unit: quantity.unit }),
    dimensions: {
      ...whole.dimensions,
      x_api_key_id: keyId,
      x_api_key_name: keyName,
      x_cost_source: "allocated",
      x_allocation: "usage_share",
    },
  }));
}

function joined(quantity: CountedFor["quantity"]): StatedQuantity | null {
  return quantity && { ...quantity, basis: "usage_join" };
}

function skuOf({
  provider,
  model,
  token_type,
  context_window,
  service_tier,
  line_item,
}: BilledRow): BilledFacts["sku"] {
  const id = token_type === null ? [provider, line_item] : [provider, model, token_type, context_window];
  const priceId = token_type === null ? id : [...id, service_tier];
  const text = (parts: readonly (string | null)[]): string => parts.filter((part) => part !== null).join("/");
  return { id: text(id), priceId: text(priceId) };
}
