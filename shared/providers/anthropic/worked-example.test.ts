import { describe, expect, it } from "vitest";
import { pipelines } from "#shared/pipelines/registry.ts";
import { configFile } from "#shared/platform/config-files.ts";
import type { FixtureCall } from "../fixtures/fixture-http.ts";
import { focusFaults } from "../fixtures/focus-faults.ts";
import { providers } from "../load-registry.ts";
import { paths } from "./client.ts";
import { fixtureHttp, fixturePull, pullDay, rowsOf } from "./fixtures/fixture-anthropic.ts";
import { anthropicProcessors } from "./processors.ts";

// Source of every number here: provider-adapters.md 3.2.
describe("the worked example of Anthropic", () => {
  it("gives one token row of the stated vector and one row of 30 web searches", async () => {
    const { usage } = await pullDay({});

    const rows = rowsOf(usage, "genai_usage_daily_raw");
    expect(rows).toHaveLength(2);
    expect(rows.find((row) => row["meter"] === "tokens")).toMatchObject({
      usage_date: "2026-07-01",
      provider: "anthropic",
      account_id: "8d1f0c2a",
      operation: "messages",
      model: "claude-sonnet-4-6",
      project_id: "wrkspc_01AAA",
      project_name: "Assistant",
      api_key_id: "apikey_01K1",
      api_key_name: "assistant-prod",
      service_tier: "standard",
      provider_service_tier: "standard",
      context_window: "0-200k",
      inference_geo: "global",
      quantity: "4540000",
      unit: "tokens",
      request_count: null,
      uncached_input_tokens: 1200000,
      cache_read_tokens: 3000000,
      cache_write_5m_tokens: 200000,
      cache_write_1h_tokens: 50000,
      output_tokens: 90000,
      total_tokens: 4540000,
      cache_split: true,
      bucket_start: "2026-07-01T00:00:00Z",
      bucket_end: "2026-07-02T00:00:00Z",
      // The vector of providers.md 2.6.
      x_source_record_id: "8636eec5f0f1ac83af02e8485142b7e5",
    });
    expect(rows.find((row) => row["meter"] === "web_search_calls")).toMatchObject({
      quantity: "30",
      unit: "requests",
      total_tokens: null,
    });
    expect([usage.days, usage.findings]).toEqual([{ "2026-07-01": "complete" }, []]);
  });

  it("gives the six billed rows in dollars with their literals in cents", async () => {
    const { costs } = await pullDay({});

    const rows = rowsOf(costs, "genai_billed_daily_raw");
    const facts = rows.map((row) => [row["amount"], row["provider_amount"], row["cost_type"], row["token_type"]]);
    expect(facts.sort()).toEqual([
      ["0.3", "30", "tokens", "cache_write_1h"],
      ["0.3", "30", "tool", null],
      ["0.75", "75", "tokens", "cache_write_5m"],
      ["0.9", "90", "tokens", "cache_read"],
      ["1.35", "135", "tokens", "output"],
      ["3.6", "360", "tokens", "uncached_input"],
    ]);
    for (const row of rows) {
      expect(row).toMatchObject({
        provider_unit: "cents",
        currency: "USD",
        charge_category: "Usage",
        project_id: "wrkspc_01AAA",
        project_name: "Assistant",
        api_key_id: null,
      });
    }
    expect([costs.days, costs.findings]).toEqual([{ "2026-07-01": "complete" }, []]);
  });

  it("gives the stated FOCUS columns, quantities taken from the usage", async () => {
    const { focus } = await pullDay({});

    const columns = [
      "SkuMeter",
      "ChargeCategory",
      "BilledCost",
      "PricingQuantity",
      "PricingUnit",
      "ContractedUnitPrice",
      "ConsumedQuantity",
      "ConsumedUnit",
    ];
    const rows = rowsOf(focus, "cost_data_standard");
    expect(rows.map((row) => columns.map((name) => row[name])).sort()).toEqual([
      ["Cache Read Tokens", "Usage", "0.9", "3", "1000000 Tokens", "0.3", "3000000", "Tokens"],
      ["Cache Write (1h) Tokens", "Usage", "0.3", "0.05", "1000000 Tokens", "6", "50000", "Tokens"],
      ["Cache Write (5m) Tokens", "Usage", "0.75", "0.2", "1000000 Tokens", "3.75", "200000", "Tokens"],
      ["Input Tokens", "Usage", "3.6", "1.2", "1000000 Tokens", "3", "1200000", "Tokens"],
      ["Output Tokens", "Usage", "1.35", "0.09", "1000000 Tokens", "15", "90000", "Tokens"],
      ["Web Search Usage", "Usage", "0.3", "30", "Requests", "0.01", "30", "Requests"],
    ]);
    expect(focus.findings).toEqual([]);
  });

  it("fills the further columns of 3.12", async () => {
    const { focus } = await pullDay({});

    const rows = rowsOf(focus, "cost_data_standard");
    expect(rows.find((row) => row["x_token_type"] === "uncached_input")).toMatchObject({
      BillingAccountId: "8d1f0c2a",
      BillingAccountType: "Organization",
      SubAccountId: "wrkspc_01AAA",
      SubAccountName: "Assistant",
      SubAccountType: "Workspace",
      BillingPeriodStart: "2026-07-01T00:00:00Z",
      BillingPeriodEnd: "2026-08-01T00:00:00Z",
      ChargePeriodStart: "2026-07-01T00:00:00Z",
      ChargePeriodEnd: "2026-07-02T00:00:00Z",
      ChargeDescription: "Claude Sonnet 4.6 Usage - Input Tokens",
      ChargeFrequency: "Usage-Based",
      BillingCurrency: "USD",
      ServiceName: "Claude API",
      ServiceCategory: "AI and Machine Learning",
      ServiceSubcategory: "Generative AI",
      ServiceProviderName: "Anthropic",
      HostProviderName: "Anthropic",
      InvoiceIssuerName: "Anthropic",
      ProviderName: "Anthropic",
      PublisherName: "Anthropic",
      PricingCategory: "Standard",
      ListUnitPrice: "3",
      SkuId: "anthropic/claude-sonnet-4-6/uncached_input/0-200k",
      SkuPriceId: "anthropic/claude-sonnet-4-6/uncached_input/0-200k/standard",
      SkuMeter: "Input Tokens",
      RegionId: null,
      x_provider: "anthropic",
      x_category: "llm",
      x_cost_source: "allocated",
      x_allocation: "usage_share",
      x_cost_basis: "provider_reported",
      x_cost_status: "exact",
      x_model: "claude-sonnet-4-6",
      x_genai_provider: "anthropic",
      x_service_tier: "standard",
      x_context_window: "0-200k",
      x_project_id: "wrkspc_01AAA",
      x_api_key_id: "apikey_01K1",
      x_api_key_name: "assistant-prod",
      x_quantity_basis: "usage_join",
      x_quantity_imputed: false,
      x_source_system: "genai_billed_daily_raw",
      x_counted: true,
    });
    expect(rows.find((row) => row["SkuMeter"] === "Web Search Usage")).toMatchObject({
      SkuId: "anthropic/Web Search Usage",
      SkuPriceId: "anthropic/Web Search Usage",
      x_cost_source: "provider_reported",
      x_allocation: null,
      x_api_key_id: null,
      x_quantity_basis: "usage_join",
    });
  });

  it("gives rows that keep the rules of FOCUS and add up to 7.20", async () => {
    const { focus } = await pullDay({});

    const rows = rowsOf(focus, "cost_data_standard");
    expect(rows.flatMap(focusFaults)).toEqual([]);
    expect(new Set(rows.map((row) => row["x_row_id"])).size).toBe(6);
    expect(rows.reduce((sum, row) => sum + Math.round(Number(row["BilledCost"]) * 100), 0)).toBe(720);
  });

  it("gives equal rows for the same answer twice", async () => {
    expect(await pullDay({})).toEqual(await pullDay({}));
  });

  it("asks for the documented groups, pages of 31 buckets and each list of names once", async () => {
    const calls: FixtureCall[] = [];
    const context = await fixturePull(fixtureHttp({}, calls));

    await Promise.all(Object.values(anthropicProcessors).map((processor) => processor(context)));

    const queryOf = (path: string) => calls.filter((call) => call.path === path).map(({ query }) => query);
    expect(queryOf(paths.costs)).toEqual([
      {
        starting_at: "2026-07-01T00:00:00Z",
        ending_at: "2026-07-02T00:00:00Z",
        limit: 31,
        "group_by[]": ["workspace_id", "description"],
      },
    ]);
    expect(queryOf(paths.usage)).toEqual([
      {
        starting_at: "2026-07-01T00:00:00Z",
        ending_at: "2026-07-02T00:00:00Z",
        bucket_width: "1d",
        limit: 31,
        "group_by[]": ["workspace_id", "api_key_id", "model", "service_tier", "context_window", "inference_geo"],
      },
    ]);
    expect(queryOf(paths.activity)).toEqual([{ starting_at: "2026-07-01", limit: 1000 }]);
    expect([queryOf(paths.workspaces), queryOf(paths.apiKeys)]).toEqual([
      [{ limit: 100, include_archived: "true" }],
      [{ limit: 100 }],
    ]);
  });

  it.each([
    "anthropic/usage_cost",
    "anthropic-usage-cost",
    "anthropic/cost/usage_cost",
    "genai/payg/anthropic",
    "genai_payg_anthropic",
  ])("is one pipeline under the name %s", async (name) => {
    expect((await pipelines()).byAddress(name).config).toMatchObject({ id: "anthropic-usage-cost", domain: "" });
  });

  it.each(["anthropic", "claude", "Claude", "ANTHROPIC"])("is one provider under the name %s", async (name) => {
    expect((await providers()).provider(name)).toMatchObject({ slug: "anthropic", unit: "cents" });
  });

  it("has a pipeline that names only processors that exist", async () => {
    const pipeline = (await configFile("anthropic/usage_cost.yml")) as { steps: { processor: string }[] };

    const processors = pipeline.steps.map(({ processor }) => processor);
    expect(processors).toEqual([...Object.keys(anthropicProcessors), "prices.apply", "focus.rows"]);
  });
});
