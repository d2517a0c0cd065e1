import type { Findings } from "./findings.ts";

const known = new Set([
  "standard",
  "batch",
  "flex",
  "flex_discount",
  "priority",
  "priority_on_demand",
  "scale",
  "fast",
]);
const standardNames = new Set(["default", "auto", "standard"]);

/**
 * Our word for a provider's service tier; unknown names are kept (and stay unpriced). A tier selects a price, it
 * multiplies nothing. Source: `providers.md` 2.5.
 */
export function serviceTier(name: string | null, path: string, found: Findings): string {
  if (name === null) {
    found.add("tier_missing", path, "null");
    return "standard";
  }
  if (standardNames.has(name)) return "standard";
  if (!known.has(name)) found.add("tier_unknown", path, name);
  return name;
}
