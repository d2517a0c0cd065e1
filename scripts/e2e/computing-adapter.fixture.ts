import { parseAmount } from "#shared/money/amount.ts";
import { type FocusAccount, focusRow } from "#shared/providers/focus-rows.ts";
import { openai } from "#shared/providers/openai/openai.ts";
import type { ProviderAdapter } from "#shared/providers/provider.ts";
import type { ComputedRow } from "#shared/providers/raw-rows.ts";

/** A provider whose money is what the price book says: as long as no such one ships, OpenAI's usage without its costs. */
export const computing: ProviderAdapter = {
  ...openai,
  focusRows: async ({ provider, accountId, days, rows }) => {
    const account: FocusAccount = { provider, accountId, accountName: null, accountType: "Organization" };
    const lines = (rows["genai_computed_daily"] ?? []) as unknown as ComputedRow[];
    const costs = lines.flatMap((line) => {
      const charge = line.contracted_cost === null ? null : computedCharge(line, account);
      return charge === null ? [] : [charge];
    });
    return { rows: { cost_data_standard: costs }, days: { ...days }, findings: [], warnings: [] };
  },
};

function computedCharge(line: ComputedRow, account: FocusAccount) {
  const next = new Date(Date.parse(`${line.usage_date}T00:00:00Z`) + 86_400_000).toISOString();
  return focusRow(
    {
      sourceTable: "genai_computed_daily",
      sourceRecordId: line.x_source_record_id,
      part: null,
      day: line.usage_date,
      periodStart: `${line.usage_date}T00:00:00Z`,
      periodEnd: next,
      category: "Usage",
      amount: parseAmount(line.contracted_cost ?? ""),
      currency: line.currency ?? "",
      description: line.sku_meter,
      subAccount: null,
      sku: { id: line.sku_meter, priceId: line.price_id ?? "", meter: line.sku_meter },
      quantity: { value: parseAmount(line.quantity), unit: line.unit, basis: "reported" },
      dimensions: {
        x_cost_source: "computed",
        x_cost_basis: "computed",
        x_cost_status: line.cost_status,
        x_model: line.model,
        x_price_id: line.price_id,
        x_price_version: line.price_version,
      },
    },
    account,
  );
}
