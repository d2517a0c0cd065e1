import { canonicalJson } from "#shared/platform/warehouse/json-text.ts";

/** Source: `tables.md` 4. */
const longestBytes = 65_536;

/** One spelling of a JSON object; undefined for anything else, and for one that is too long to be stored. */
export function jsonObjectOf(text: string): string | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith("{")) return undefined;
  const canonical = canonicalJson(trimmed);
  return canonical !== undefined && Buffer.byteLength(canonical) <= longestBytes ? canonical : undefined;
}
