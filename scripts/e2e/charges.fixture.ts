import type { Row } from "#shared/providers/provider.ts";

/** A plain charge of the OpenAI API, as a row of `cost_data_standard` without lineage. */
export function chargeRow({ day, billed, id }: { day: string; billed: string; id: string }): Row {
  const [start, end] = [`${day}T00:00:00Z`, new Date(Date.parse(day) + 86_400_000).toISOString()];
  const month = `${day.slice(0, 7)}-01T00:00:00Z`;
  return {
    ...{ BilledCost: billed, EffectiveCost: billed, ListCost: billed, ContractedCost: billed, BillingCurrency: "USD" },
    ...{ ChargePeriodStart: start, ChargePeriodEnd: end, BillingPeriodStart: month, BillingPeriodEnd: month },
    ...{ BillingAccountId: "account", ServiceName: "OpenAI API", ServiceCategory: "AI and Machine Learning" },
    ...{ ServiceSubcategory: "Generative AI", ServiceProviderName: "OpenAI", HostProviderName: "OpenAI" },
    ...{ InvoiceIssuerName: "OpenAI", ProviderName: "OpenAI", PublisherName: "OpenAI" },
    ...{ ChargeCategory: "Usage", ChargeFrequency: "Usage-Based" },
    x_charge_date: day,
    x_row_id: id,
    x_source_record_id: id,
    x_source_system: "genai_billed_daily_raw",
    x_provider: "openai",
    x_category: "llm",
    x_cost_source: "provider_reported",
    x_cost_basis: "provider_reported",
    x_cost_status: "exact",
    x_counted: true,
  };
}
