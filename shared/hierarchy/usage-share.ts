import type { Decimal } from "#shared/money/amount.ts";
import type { RuleAction } from "./allocation-rule.ts";
import type { AssignmentKey } from "./assignment-key.ts";
import type { mapLookup } from "./rule-match.ts";
import { mergedShares, type Share, shareOf, unallocatedShare, wholeWeights } from "./shares.ts";
import type { Tree } from "./tree.ts";

export type UsageDimension = NonNullable<RuleAction["by"]>;

/** Measured usage of one value of the dimension. */
export interface UsageWeight {
  /** Null: usage that names no value. */
  value: string | null;
  /** List cost; null while any of it has no price. */
  cost: Decimal | null;
  tokens: Decimal;
  requests: Decimal;
}

/**
 * The usage that belongs to a row: of its credential and UTC day, or of the 30 days before, narrowed by each of project,
 * model, service tier and meter that both sides carry.
 */
export type UsageOf = (
  key: AssignmentKey,
  by: { dimension: UsageDimension; days: "day" | "trailing_30_days" },
) => readonly UsageWeight[];

type UsageMeasure = "cost" | "tokens" | "requests";

/**
 * Shares of a row by measured usage, and what they were measured by; undefined when there is none. One unpriced value makes the whole group weigh by
 * tokens, and so does usage that costs nothing at all. Values without mapping, and those of ended entities, keep their share as `UNALLOCATED`. Source: hierarchy.md 2.3.
 */
export function usageShares(
  usage: readonly UsageWeight[],
  by: { weight: UsageMeasure; map: ReturnType<typeof mapLookup>; tree: Tree },
): { shares: Share[]; measure: UsageMeasure } | undefined {
  const isPriced = usage.every(({ cost }) => cost !== null) && usage.some(({ cost }) => cost?.isZero() === false);
  const measure = by.weight === "cost" && !isPriced ? "tokens" : by.weight;
  const weights = wholeWeights(usage.map((each) => each[measure] ?? each.tokens));
  const shares = usage.map(({ value }, at): Share => {
    const weight = weights[at] ?? 0n;
    const entityId = value === null ? undefined : by.map(value.normalize("NFC"));
    if (entityId === undefined) return unallocatedShare("unmapped_usage", weight);
    return by.tree.nodes.has(entityId) ? shareOf(entityId, weight) : unallocatedShare("entity_deleted", weight);
  });
  const merged = mergedShares(shares);
  return merged.length === 0 ? undefined : { shares: merged, measure };
}
