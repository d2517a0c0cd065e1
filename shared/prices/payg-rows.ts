import type { FieldProblem } from "#shared/runtime/errors.ts";
import type { PriceTier, PriceVersion, Terms, TierRow } from "./price.ts";
import { type FileRow, platformVersion, type RowReader, rowReader } from "./price-rows.ts";

/** A row that cannot be loaded and why; it is left out, the rest stands. */
export interface RefusedRow {
  row: string;
  problem: string;
}

export interface PaygFiles {
  prices: readonly FileRow[];
  tiers: readonly FileRow[];
}

const tierName = /^(?:above_(\d+)k_tokens)?_?(priority|flex)?$/;

/** Platform versions of pay-as-you-go models from the rows of `genai_payg.csv` and `genai_payg_tiers.csv`. */
export function paygVersions(
  files: PaygFiles,
  releasedAt: string,
): { prices: PriceVersion[]; refused: RefusedRow[]; faults: FieldProblem[] } {
  const faults: FieldProblem[] = [];
  const refused: RefusedRow[] = [];
  const tiers = tierRows(files.tiers, faults, refused);
  const known = new Set(files.prices.map(({ provider, model }) => `${provider}/${model}`));
  for (const model of tiers.keys()) {
    if (!known.has(model))
      faults.push({ path: `/genai_payg_tiers.csv/${model}`, problem: "has no row in genai_payg.csv" });
  }
  const prices = files.prices.map((row, index) => {
    const cells = rowReader(row, "genai_payg.csv", index, faults);
    const [provider, modelId] = [cells.text("provider"), cells.text("model")];
    if (modelId.endsWith("*")) faults.push({ path: `/genai_payg.csv:${index + 2}/model`, problem: "ends in *" });
    const own = [...batchRow(cells), ...(tiers.get(`${provider}/${modelId}`) ?? [])];
    const key = { flow: "payg" as const, provider, modelId, commitmentType: null };
    return platformVersion(key, termsOf(cells, own), cells, releasedAt);
  });
  return { prices, refused, faults };
}

function termsOf(cells: RowReader, tiers: TierRow[]): Terms {
  return {
    input_per_1m: cells.decimal("input_per_1m"),
    output_per_1m: cells.decimal("output_per_1m"),
    cached_input_per_1m: cells.decimal("cached_input_per_1m"),
    cache_write_5m_per_1m: cells.decimal("cache_write_5m_per_1m"),
    cache_write_1h_per_1m: cells.decimal("cache_write_1h_per_1m"),
    context_window: cells.integer("context_window"),
    max_output_tokens: cells.integer("max_output"),
    ...(tiers.length > 0 ? { tiers } : {}),
  };
}

function batchRow(cells: RowReader): TierRow[] {
  const input = cells.decimal("batch_input_per_1m");
  const output = cells.decimal("batch_output_per_1m");
  if (input === null && output === null) return [];
  return [{ service_tier: "batch", above_input_tokens: null, input_per_1m: input, output_per_1m: output }];
}

function tierRows(rows: readonly FileRow[], faults: FieldProblem[], refused: RefusedRow[]): Map<string, TierRow[]> {
  const tiers = new Map<string, TierRow[]>();
  for (const [index, row] of rows.entries()) {
    const cells = rowReader(row, "genai_payg_tiers.csv", index, faults);
    const found = tierRowOf(cells, index, refused);
    if (found === undefined) continue;
    const model = `${found.provider}/${found.model}`;
    tiers.set(model, [...(tiers.get(model) ?? []), found.tier]);
  }
  return tiers;
}

/** One row of the form of `genai_payg_tiers.csv`; undefined, and a fault or refused, where it is none. */
export function tierRowOf(
  cells: RowReader,
  index: number,
  refused: RefusedRow[],
): { provider: string; model: string; tier: TierRow } | undefined {
  const [provider, model, name] = [cells.text("provider"), cells.text("model"), cells.text("tier")];
  const place = placeOf(name);
  if (place === undefined) {
    cells.faults.push({ path: `/genai_payg_tiers.csv:${index + 2}/tier`, problem: `${name} is no tier` });
    return undefined;
  }
  const rates = {
    input_per_1m: cells.decimal("input_per_1m"),
    output_per_1m: cells.decimal("output_per_1m"),
    cached_input_per_1m: cells.decimal("cached_input_per_1m"),
    cache_write_5m_per_1m: cells.decimal("cache_write_per_1m"),
  };
  if (rates.input_per_1m === null || rates.output_per_1m === null) {
    refused.push({ row: `${provider}/${model} ${name}`, problem: "a tier needs an input and an output rate" });
    return undefined;
  }
  return { provider, model, tier: { ...place, ...rates } };
}

function placeOf(tier: string): Pick<TierRow, "service_tier" | "above_input_tokens"> | undefined {
  const [, thousands, name] = tierName.exec(tier) ?? [];
  if (thousands === undefined && name === undefined) return undefined;
  return {
    service_tier: (name as PriceTier | undefined) ?? null,
    above_input_tokens: thousands === undefined ? null : Number(thousands) * 1000,
  };
}
