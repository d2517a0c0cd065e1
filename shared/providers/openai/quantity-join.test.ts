import { describe, expect, it } from "vitest";
import { amountText } from "#shared/money/amount.ts";
import { configFile } from "#shared/platform/config-files.ts";
import type { BilledRow, UsageRow } from "../raw-rows.ts";
import { lineItems } from "./line-items.ts";
import { quantityJoin } from "./quantity-join.ts";

const items = lineItems(await configFile("openai/line-items.yml"));

function billed(changes: Partial<BilledRow>): BilledRow {
  const row: Partial<BilledRow> = {
    usage_date: "2026-07-01",
    line_item: "web search tool calls",
    charge_category: "Usage",
    project_id: "p",
    api_key_id: "k",
    quantity: null,
  };
  return { ...row, ...changes } as BilledRow;
}

function usage(changes: Partial<UsageRow>): UsageRow {
  const row: Partial<UsageRow> = {
    usage_date: "2026-07-01",
    meter: "web_search_calls",
    project_id: "p",
    api_key_id: "k",
    quantity: "90",
    unit: "requests",
  };
  return { ...row, ...changes } as UsageRow;
}

function joinedOf(rows: BilledRow[], usages: UsageRow[]): (string | null)[] {
  const join = quantityJoin(rows, usages, (text) => items(text).meter);
  return rows.map(join).map((found) => found && `${amountText(found.value)} ${found.unit}`);
}

describe("quantityJoin", () => {
  it("adds up the meter of the same day, project and key over models and variants", () => {
    expect(joinedOf([billed({})], [usage({}), usage({ model: "other", quantity: "10" })])).toEqual(["100 requests"]);
  });

  it.each([
    ["another day", { usage_date: "2026-07-02" }],
    ["another project", { project_id: "q" }],
    ["another key", { api_key_id: "l" }],
    ["no key", { api_key_id: null }],
    ["another meter", { meter: "file_search_calls" }],
  ])("takes nothing from %s", (_what, changes) => {
    expect(joinedOf([billed({})], [usage(changes)])).toEqual([null]);
  });

  it("gives a meter that two charges claim to neither", () => {
    expect(joinedOf([billed({}), billed({ line_item: "web search preview" })], [usage({})])).toEqual([null, null]);
  });

  it("adds up all keys where costs are not told apart by key", () => {
    expect(joinedOf([billed({ api_key_id: null })], [usage({}), usage({ api_key_id: "l", quantity: "5" })])).toEqual([
      "95 requests",
    ]);
  });

  it.each([
    ["a stated quantity", { quantity: "3" }],
    ["a credit", { charge_category: "Credit" as const }],
    ["a token line item", { line_item: "gpt-x, input" }],
  ])("leaves %s alone", (_what, changes) => {
    expect(joinedOf([billed(changes)], [usage({}), usage({ meter: "tokens" })])).toEqual([null]);
  });
});

// Source: provider-adapters.md 3.1.
describe("the line items of OpenAI", () => {
  it.each([
    ["gpt-5.4, input", "tokens", "gpt-5.4", "uncached_input", null, null],
    ["gpt-5.4, cached input", "tokens", "gpt-5.4", "cache_read", null, null],
    ["gpt-5.4, cache write", "tokens", "gpt-5.4", "cache_write_5m", null, null],
    ["gpt-5.4, cache writes", "tokens", "gpt-5.4", "cache_write_5m", null, null],
    ["gpt-5.4, output", "tokens", "gpt-5.4", "output", null, null],
    ["gpt-5.4 batch, input", "tokens", "gpt-5.4", "uncached_input", "batch", null],
    ["gpt-5.4 flex, cached input", "tokens", "gpt-5.4", "cache_read", "flex", null],
    ["gpt-5.4 priority, output", "tokens", "gpt-5.4", "output", "priority", null],
    ["ft:gpt-4o:acme, inc::x, input", "tokens", "ft:gpt-4o:acme, inc::x", "uncached_input", null, null],
    ["Web Search tool calls", "tool", null, null, null, "web_search_calls"],
    ["file search tool calls", "tool", null, null, null, "file_search_calls"],
    ["code interpreter sessions", "session", null, null, null, "code_sessions"],
    ["vector store storage", "storage", null, null, null, "storage_bytes"],
    ["file search storage", "storage", null, null, null, "storage_bytes"],
    ["something new", "other", null, null, null, null],
    ["", "other", null, null, null, null],
  ])("reads %j", (text, costType, model, tokenType, tier, meter) => {
    expect(items(text)).toEqual({ costType, model, tokenType, tier, meter, isKnown: costType !== "other" });
  });

  it.each([
    null,
    {},
    { tiers: [], patterns: [{ pattern: "(", cost_type: "tool" }] },
    { tiers: [], patterns: [{ pattern: "x" }] },
  ])("refuses %j as a file", (content) => {
    expect(() => lineItems(content)).toThrow(expect.objectContaining({ code: "CONFIG_FILE_INVALID" }));
  });
});
