import type { FieldProblem } from "#shared/runtime/errors.ts";
import { type RefusedRow, tierRowOf } from "./payg-rows.ts";
import type { PriceVersion, Terms, TierRow } from "./price.ts";
import { type FileRow, rowReader } from "./price-rows.ts";

/** A row of a load that adds one tier to a standing platform row, or changes one of it. */
export interface LoadedTier {
  provider: string;
  model: string;
  region: string;
  /** UTC day on which the row starts that it belongs to; null: the newest. */
  effectiveFrom: string | null;
  tier: TierRow;
}

/** Whether rows are of the form of `genai_payg_tiers.csv`, not of `genai_payg.csv`. */
export function areTierRows([first]: readonly FileRow[]): boolean {
  return first !== undefined && "tier" in first;
}

/** Rows of the form of `genai_payg_tiers.csv`; `region` and `effective_from` may stand beside. Source: `prices-and-plans.md` A6. */
export function loadedTiers(
  rows: readonly FileRow[],
  faults: FieldProblem[],
): { tiers: LoadedTier[]; refused: RefusedRow[] } {
  const refused: RefusedRow[] = [];
  const tiers = rows.flatMap((row, index): LoadedTier[] => {
    const cells = rowReader(row, "", index, faults);
    const tier = tierRowOf(cells, index, refused);
    if (tier === undefined) return [];
    const effectiveFrom = row["effective_from"] ? cells.day("effective_from") : null;
    return [{ ...tier, region: row["region"] || "global", effectiveFrom }];
  });
  return { tiers, refused };
}

/** The standing rows with the loaded tiers, one version per row; tiers of a row that does not stand are refused. */
export function withTiers(
  tiers: readonly LoadedTier[],
  standing: readonly PriceVersion[],
): { versions: PriceVersion[]; refused: RefusedRow[] } {
  const refused: RefusedRow[] = [];
  const changed = new Map<string, PriceVersion>();
  for (const { provider, model, region, effectiveFrom, tier } of tiers) {
    const found = standing
      .filter((price) => price.flow === "payg" && price.provider === provider && price.modelId === model)
      .filter((price) => price.region === region && (effectiveFrom ?? price.effectiveFrom) === price.effectiveFrom)
      .sort((a, b) => (a.effectiveFrom < b.effectiveFrom ? 1 : -1))[0];
    if (found === undefined) {
      refused.push({ row: `${provider}/${model} ${region}`, problem: "there is no row that the tier could belong to" });
      continue;
    }
    const version = changed.get(found.priceId) ?? found;
    changed.set(found.priceId, { ...version, terms: mergedTerms(version.terms, { tiers: [tier] }) });
  }
  return { versions: [...changed.values()], refused };
}

/** Loaded terms over standing ones: what is not loaded stays, of the tiers each by its place. */
export function mergedTerms(standing: Terms, loaded: Terms): Terms {
  const tiers = new Map([...(standing.tiers ?? []), ...(loaded.tiers ?? [])].map((row) => [placeOfTier(row), row]));
  return { ...standing, ...loaded, ...(tiers.size > 0 ? { tiers: [...tiers.values()] } : {}) };
}

/** What no two tiers of a row have alike. */
export function placeOfTier({ service_tier, above_input_tokens }: TierRow): string {
  return JSON.stringify([service_tier, above_input_tokens]);
}
