import { drift } from "./answer-fields.ts";
import type { Findings } from "./findings.ts";

/** The five disjoint parts and their sum. Source: `providers.md` 2.5. */
export type TokenParts = {
  uncached_input_tokens: number;
  cache_read_tokens: number;
  cache_write_5m_tokens: number;
  cache_write_1h_tokens: number;
  output_tokens: number;
};

/** Parts of a side; null = the provider does not say. */
export type ModalityParts = {
  audio_input_tokens: number | null;
  image_input_tokens: number | null;
  cached_audio_tokens: number | null;
  cached_image_tokens: number | null;
  audio_output_tokens: number | null;
  image_output_tokens: number | null;
  reasoning_output_tokens: number | null;
};

export type TokenVector = TokenParts & ModalityParts & { total_tokens: number };

export const noModalities: ModalityParts = {
  audio_input_tokens: null,
  image_input_tokens: null,
  cached_audio_tokens: null,
  cached_image_tokens: null,
  audio_output_tokens: null,
  image_output_tokens: null,
  reasoning_output_tokens: null,
};

const sides: readonly { side: keyof TokenParts; parts: readonly (keyof ModalityParts)[] }[] = [
  { side: "uncached_input_tokens", parts: ["audio_input_tokens", "image_input_tokens"] },
  { side: "cache_read_tokens", parts: ["cached_audio_tokens", "cached_image_tokens"] },
  { side: "output_tokens", parts: ["audio_output_tokens", "image_output_tokens", "reasoning_output_tokens"] },
];

/**
 * The vector with its total (U2). A negative or inexact part is `PROVIDER_SCHEMA_DRIFT` (U1); modality parts that exceed
 * their side become null with the finding `modality_mismatch` (U3).
 */
export function tokenVector(
  parts: TokenParts,
  modalities: ModalityParts,
  where: { path: string; found: Findings },
): TokenVector {
  const total = sumOf(Object.values(parts));
  for (const [name, value] of [...Object.entries(parts), ["total_tokens", total] as const]) {
    if (!Number.isSafeInteger(value) || value < 0) throw drift(where.path, `${name} would be ${value}`);
  }
  const checked = { ...modalities };
  for (const { side, parts: names } of sides) {
    if (sumOf(names.map((name) => modalities[name] ?? 0)) <= parts[side]) continue;
    for (const name of names) checked[name] = null;
    where.found.add("modality_mismatch", side, where.path);
  }
  return { ...parts, ...checked, total_tokens: total };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
