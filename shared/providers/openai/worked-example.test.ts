import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { FixtureCall } from "../fixtures/fixture-http.ts";
import { focusFaults } from "../fixtures/focus-faults.ts";
import type { Pulled, Row } from "../provider.ts";
import { fixture, fixtureHttp, fixturePull, openaiEntry, workedExample } from "./fixtures/fixture-openai.ts";
import { openaiCosts, openaiProcessors } from "./processors.ts";

async function pulls(answers = workedExample): Promise<{ costs: Pulled; usage: Pulled }> {
  const context = await fixturePull(fixtureHttp(answers));
  return {
    costs: await openaiProcessors["openai.costs"](context),
    usage: await openaiProcessors["openai.usage"](context),
  };
}

async function focus({ costs, usage }: { costs: Pulled; usage: Pulled }): Promise<Pulled> {
  return openaiCosts({
    provider: await openaiEntry(),
    accountId: "org-fixture",
    accountName: null,
    days: costs.days,
    rows: { ...costs.rows, ...usage.rows },
  });
}

const rowsOf = (pulled: Pulled, table: string): Row[] => pulled.rows[table] ?? [];

// Source of every number here: provider-adapters.md 3.1.
describe("the worked example of OpenAI", () => {
  it("gives one token row of the stated vector and one row of 90 web searches", async () => {
    const { usage } = await pulls();

    const rows = rowsOf(usage, "genai_usage_daily_raw");
    expect(rows).toHaveLength(2);
    expect(rows.find((row) => row["meter"] === "tokens")).toMatchObject({
      usage_date: "2026-07-01",
      provider: "openai",
      account_id: "org-fixture",
      operation: "completions",
      model: "gpt-5.4-mini-2026-03-17",
      project_id: "proj_aa11",
      project_name: "Assistant",
      api_key_id: "key_77",
      api_key_name: "assistant-prod",
      service_tier: "standard",
      provider_service_tier: "default",
      quantity: "129000",
      unit: "tokens",
      request_count: 57,
      uncached_input_tokens: 80000,
      cache_read_tokens: 40000,
      cache_write_5m_tokens: 0,
      cache_write_1h_tokens: 0,
      output_tokens: 9000,
      total_tokens: 129000,
      cache_split: true,
      bucket_start: "2026-07-01T00:00:00Z",
      bucket_end: "2026-07-02T00:00:00Z",
    });
    expect(rows.find((row) => row["meter"] === "web_search_calls")).toMatchObject({
      quantity: "90",
      unit: "requests",
      variant: "medium",
      total_tokens: null,
    });
    expect(usage.days).toEqual({ "2026-07-01": "complete" });
    expect(usage.findings).toEqual([]);
  });

  it("gives the five billed rows with their literals", async () => {
    const { costs } = await pulls();

    const rows = rowsOf(costs, "genai_billed_daily_raw");
    const facts = rows.map((row) => [
      row["line_item"],
      row["amount"],
      row["cost_type"],
      row["token_type"],
      row["charge_category"],
      row["quantity"],
    ]);
    expect(facts.sort()).toEqual([
      ["gpt-5.4-mini-2026-03-17, cached input", "0.003", "tokens", "cache_read", "Usage", "40000"],
      ["gpt-5.4-mini-2026-03-17, input", "0.06", "tokens", "uncached_input", "Usage", "80000"],
      ["gpt-5.4-mini-2026-03-17, output", "0.0405", "tokens", "output", "Usage", "9000"],
      ["promotional credit", "-0.25", "credit", null, "Credit", null],
      ["web search tool calls", "0.9", "tool", null, "Usage", null],
    ]);
    expect(rows.map((row) => row["provider_amount"]).sort()).toEqual(["-0.25", "0.003", "0.0405", "0.06", "0.9"]);
    expect(rows.every((row) => row["currency"] === "USD" && row["api_key_name"] === "assistant-prod")).toBe(true);
    expect(costs.findings).toEqual([]);
  });

  it("gives the stated FOCUS columns", async () => {
    const rows = rowsOf(await focus(await pulls()), "cost_data_standard");

    const columns = [
      "ChargeDescription",
      "ChargeCategory",
      "BilledCost",
      "PricingQuantity",
      "PricingUnit",
      "ContractedUnitPrice",
      "ConsumedQuantity",
      "ConsumedUnit",
    ];
    expect(rows.map((row) => columns.map((name) => row[name])).sort()).toEqual([
      ["gpt-5.4-mini-2026-03-17, cached input", "Usage", "0.003", "0.04", "1000000 Tokens", "0.075", "40000", "Tokens"],
      ["gpt-5.4-mini-2026-03-17, input", "Usage", "0.06", "0.08", "1000000 Tokens", "0.75", "80000", "Tokens"],
      ["gpt-5.4-mini-2026-03-17, output", "Usage", "0.0405", "0.009", "1000000 Tokens", "4.5", "9000", "Tokens"],
      ["promotional credit", "Credit", "-0.25", null, null, null, null, null],
      ["web search tool calls", "Usage", "0.9", "90", "Requests", "0.01", "90", "Requests"],
    ]);
  });

  it("fills the further columns of 3.12", async () => {
    const rows = rowsOf(await focus(await pulls()), "cost_data_standard");

    expect(rows.find((row) => row["x_token_type"] === "uncached_input")).toMatchObject({
      BillingAccountId: "org-fixture",
      BillingAccountType: "Organization",
      SubAccountId: "proj_aa11",
      SubAccountName: "Assistant",
      SubAccountType: "Project",
      BillingPeriodStart: "2026-07-01T00:00:00Z",
      BillingPeriodEnd: "2026-08-01T00:00:00Z",
      ChargePeriodStart: "2026-07-01T00:00:00Z",
      ChargePeriodEnd: "2026-07-02T00:00:00Z",
      BillingCurrency: "USD",
      ServiceName: "OpenAI API",
      ServiceCategory: "AI and Machine Learning",
      ServiceSubcategory: "Generative AI",
      ServiceProviderName: "OpenAI",
      HostProviderName: "OpenAI",
      InvoiceIssuerName: "OpenAI",
      ProviderName: "OpenAI",
      PublisherName: "OpenAI",
      PricingCategory: "Standard",
      ListUnitPrice: "0.75",
      SkuId: "openai/gpt-5.4-mini-2026-03-17, input",
      SkuPriceId: "openai/gpt-5.4-mini-2026-03-17, input",
      SkuMeter: "Input Tokens",
      Tags: "{}",
      x_charge_date: "2026-07-01",
      x_provider: "openai",
      x_category: "llm",
      x_cost_source: "provider_reported",
      x_cost_basis: "provider_reported",
      x_cost_status: "exact",
      x_model: "gpt-5.4-mini-2026-03-17",
      x_project_id: "proj_aa11",
      x_api_key_id: "key_77",
      x_quantity_basis: "reported",
      x_quantity_imputed: false,
      x_source_system: "genai_billed_daily_raw",
      x_counted: true,
    });
    expect(rows.find((row) => row["SkuMeter"] === "web search tool calls")).toMatchObject({
      x_quantity_basis: "usage_join",
    });
  });

  it("gives rows that keep the rules of FOCUS", async () => {
    const rows = rowsOf(await focus(await pulls()), "cost_data_standard");

    expect(rows.flatMap(focusFaults)).toEqual([]);
    expect(new Set(rows.map((row) => row["x_row_id"])).size).toBe(5);
  });

  it("gives equal rows for the older and the newer usage shape", async () => {
    const newer = { ...workedExample, "/v1/organization/usage/completions": fixture("usage-completions-newer") };

    const [before, after] = [await pulls(), await pulls(newer)];

    expect(after.usage.rows).toEqual(before.usage.rows);
  });

  it("gives equal rows for the same answer twice", async () => {
    const [first, second] = [await pulls(), await pulls()];

    expect(second).toEqual(first);
    expect(await focus(second)).toEqual(await focus(first));
  });

  it("asks for the documented groups, pages of 31 buckets and each list of names once", async () => {
    const calls: FixtureCall[] = [];
    const context = await fixturePull(fixtureHttp(workedExample, calls), { metadata: { project_ids: ["proj_aa11"] } });

    await Promise.all([openaiProcessors["openai.costs"](context), openaiProcessors["openai.usage"](context)]);

    expect(calls.find(({ path }) => path === "/v1/organization/costs")?.query).toEqual({
      start_time: 1782864000,
      end_time: 1782950400,
      bucket_width: "1d",
      limit: 31,
      "group_by[]": ["project_id", "line_item", "api_key_id"],
      "project_ids[]": ["proj_aa11"],
    });
    const names = calls.map(({ path }) => path).filter((path) => path.includes("/projects"));
    expect(names.sort()).toEqual(["/v1/organization/projects", "/v1/organization/projects/proj_aa11/api_keys"]);
    expect(calls.filter(({ path }) => path.includes("/usage/"))).toHaveLength(10);
  });

  it("has a pipeline that names only processors that exist", () => {
    const text = readFileSync(new URL("../../../configs/openai/cost/usage_cost.yml", import.meta.url), "utf8");

    const processors = [...text.matchAll(/processor: ([\w.]+)/g)].map((match) => match[1]);
    expect(processors).toEqual([...Object.keys(openaiProcessors), "prices.apply", "focus.rows"]);
  });
});
