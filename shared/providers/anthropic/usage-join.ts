import { type Decimal, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import type { BilledRow, UsageRow } from "../raw-rows.ts";
import type { TokenParts } from "../token-vector.ts";
import type { KeyShare } from "./key-split.ts";

/** What the usage report counted for one billed row. */
export interface CountedFor {
  /** By API key, ascending, each with more than nothing; only of token rows. */
  shares: (KeyShare & { keyName: string | null })[];
  /** Null when the count also belongs to another billed row, or is nothing. */
  quantity: { value: Decimal; unit: string } | null;
}

const columns: Readonly<Record<string, keyof TokenParts>> = {
  uncached_input: "uncached_input_tokens",
  cache_read: "cache_read_tokens",
  cache_write_5m: "cache_write_5m_tokens",
  cache_write_1h: "cache_write_1h_tokens",
  output: "output_tokens",
};

/**
 * Usage of the same day, workspace, model, token type, tier and context, and geo where the charge names one; for web
 * searches of the same day and workspace, and of what else the charge names. A count that two charges claim is given to
 * neither, else it would stand twice. Source: `provider-adapters.md` 3.2.
 */
export function usageJoin(billed: readonly BilledRow[], usage: readonly UsageRow[]): (row: BilledRow) => CountedFor {
  const byPlace = new Map<string, UsageRow[]>();
  for (const row of usage) {
    const place = placeOf(row, row.meter);
    const known = byPlace.get(place);
    if (known) known.push(row);
    else byPlace.set(place, [row]);
  }
  const claims = new Map<string, number>();
  const fitting = new Map<BilledRow, UsageRow[]>();
  for (const row of billed) {
    const meter = meterOf(row);
    const place = meter === null ? [] : (byPlace.get(placeOf(row, meter)) ?? []);
    const counted = place.filter((one) => fits(row, one));
    fitting.set(row, counted);
    if (row.charge_category !== "Usage") continue;
    for (const cell of counted.map((one) => cellOf(row, one))) claims.set(cell, (claims.get(cell) ?? 0) + 1);
  }
  return (row) => {
    const counted = fitting.get(row) ?? [];
    const isOwn = row.charge_category === "Usage" && counted.every((one) => claims.get(cellOf(row, one)) === 1);
    const value = sumAmounts(counted.map((one) => parseAmount(String(countOf(row, one)))));
    const unit = row.token_type === null ? "requests" : "tokens";
    return {
      shares: row.token_type === null ? [] : sharesOf(row, counted),
      quantity: isOwn && value.greaterThan(0) ? { value, unit } : null,
    };
  };
}

function meterOf({ token_type, cost_type }: BilledRow): string | null {
  if (token_type !== null) return "tokens";
  return cost_type === "tool" ? "web_search_calls" : null;
}

/** What a charge for tokens and its usage always share; charges for searches may name less. */
function placeOf(row: BilledRow | UsageRow, meter: string): string {
  const place = [meter, row.usage_date, row.project_id];
  return JSON.stringify(meter === "tokens" ? [...place, row.model, row.service_tier, row.context_window] : place);
}

function fits(charge: BilledRow, counted: UsageRow): boolean {
  const names = ["model", "service_tier", "context_window", "inference_geo"] as const;
  return names.every((name) => charge[name] === null || charge[name] === counted[name]);
}

/** One count of one usage row: what a charge claims. */
function cellOf({ token_type }: BilledRow, { x_source_record_id }: UsageRow): string {
  return `${x_source_record_id} ${token_type}`;
}

function countOf({ token_type }: BilledRow, counted: UsageRow): number {
  if (token_type === null) return Number(counted.quantity);
  const column = columns[token_type];
  return column === undefined ? 0 : (counted[column] ?? 0);
}

function sharesOf(row: BilledRow, counted: readonly UsageRow[]): CountedFor["shares"] {
  const byKey = new Map<string | null, CountedFor["shares"][number]>();
  for (const one of counted) {
    const before = byKey.get(one.api_key_id)?.tokens ?? 0;
    const share = { keyId: one.api_key_id, keyName: one.api_key_name, tokens: before + countOf(row, one) };
    if (share.tokens > 0) byKey.set(one.api_key_id, share);
  }
  return [...byKey.values()].sort((a, b) => ((a.keyId ?? "") < (b.keyId ?? "") ? -1 : 1));
}
