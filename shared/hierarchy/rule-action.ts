import { parseAmount } from "#shared/money/amount.ts";
import type { AllocationInput, Method } from "./allocate.ts";
import type { AllocationRule, EntityFrom, RuleAction } from "./allocation-rule.ts";
import type { AssignmentKey } from "./assignment-key.ts";
import { mapLookup } from "./rule-match.ts";
import { mergedShares, type Reason, type Share, shareOf, unallocatedShare, wholeWeights } from "./shares.ts";
import { entityIdOf, type Tree } from "./tree.ts";
import { usageShares } from "./usage-share.ts";

/** Where a rule that holds sends a row. */
export type RuleTarget =
  | { kind: "shares"; method: Method; shares: readonly Share[]; why: string }
  | {
      kind: "spread";
      targets: readonly string[];
      weight: "even" | "direct_cost" | "metric";
      metric: string | null;
      period: "day" | "month";
      why: string;
    };

export type SpreadTarget = Extract<RuleTarget, { kind: "spread" }>;

/** Or nowhere: the next rule is tried. */
export type RuleOutcome = RuleTarget | { kind: "none"; reason: Reason; why: string };

/** What a rule's action makes of a row, made ready once. Pure. Source: hierarchy.md 2.2. */
export function ruleTarget(rule: AllocationRule, input: AllocationInput): (key: AssignmentKey) => RuleOutcome {
  const { action } = rule;
  if (action.type === "assign") return assigned(action, input.tree);
  if (action.type === "split") {
    const outcome = split(action, input.tree);
    return () => outcome;
  }
  if (action.type === "usage_share") return byUsage(action, input);
  const outcome = spread(action, input.tree);
  return () => outcome;
}

function none(reason: Reason, why: string): RuleOutcome {
  return { kind: "none", reason, why };
}

function wholeTo(entityId: string): RuleOutcome {
  return { kind: "shares", method: "rule", shares: [shareOf(entityId)], why: `assigned to ${entityId}` };
}

function assigned(action: RuleAction, tree: Tree): (key: AssignmentKey) => RuleOutcome {
  if (action.entity_from !== undefined) return assignedFrom(action.entity_from, tree);
  const id = storedId(action.entity_id ?? "");
  const outcome = tree.nodes.has(id) ? wholeTo(id) : none("entity_deleted", `its entity ${id} has ended`);
  return () => outcome;
}

const attributes = {
  sub_account_id: "subAccountId",
  sub_account_name: "subAccountName",
  api_key_id: "apiKeyId",
} as const;

function assignedFrom(from: EntityFrom, tree: Tree): (key: AssignmentKey) => RuleOutcome {
  const lookup = mapLookup(from.map ?? []);
  const tag = from.tag?.normalize("NFC");
  const valueIn = (key: AssignmentKey): string | null => {
    if (from.attribute !== undefined) return key[attributes[from.attribute]];
    return tag !== undefined && Object.hasOwn(key.tags, tag) ? (key.tags[tag] ?? null) : null;
  };
  return (key) => {
    const value = valueIn(key);
    if (value === null) return none("no_rule", "the row has no such value");
    const mapped = lookup(value);
    if (mapped !== undefined && tree.nodes.has(mapped)) return wholeTo(mapped);
    const own = from.match_ids ? entityIdOf(value) : undefined;
    if (own !== undefined && tree.nodes.has(own)) return wholeTo(own);
    if (mapped !== undefined) return none("entity_deleted", `its map names ${mapped}, which has ended`);
    return none("unmapped_tag", "its map does not know the value");
  };
}

/** Whole percents are 10^6 parts each. */
const percentParts = 1_000_000n;

export function percentWeight(percent: number | string): bigint {
  return BigInt(parseAmount(String(percent)).times("1e6").toFixed(0));
}

function split(action: RuleAction, tree: Tree): RuleOutcome {
  const targets = action.targets ?? [];
  const shares = targets.map(({ entity_id, percent }): Share => {
    const id = storedId(entity_id);
    const weight = percentWeight(percent);
    return tree.nodes.has(id) ? shareOf(id, weight) : unallocatedShare("entity_deleted", weight);
  });
  if (shares.every(({ reason }) => reason !== null)) return none("entity_deleted", "all its targets have ended");
  const rest = 100n * percentParts - shares.reduce((sum, { weight }) => sum + weight, 0n);
  const whole = rest > 0n ? [...shares, unallocatedShare("split_remainder", rest)] : shares;
  return { kind: "shares", method: "split", shares: mergedShares(whole), why: `split over ${shares.length} entities` };
}

function byUsage(
  action: RuleAction,
  { tree, usageOf = () => [] }: AllocationInput,
): (key: AssignmentKey) => RuleOutcome {
  const map = mapLookup(action.map ?? []);
  const weight = action.weight === "tokens" || action.weight === "requests" ? action.weight : "cost";
  const dimension = action.by ?? "api_key_id";
  const fixed = action.fallback === "split" ? split(action, tree) : undefined;
  return (key) => {
    const days = action.fallback === "trailing_30_days" ? (["day", "trailing_30_days"] as const) : (["day"] as const);
    for (const each of days) {
      const found = usageShares(usageOf(key, { dimension, days: each }), { weight, map, tree });
      if (found === undefined) continue;
      const instead = found.measure === weight ? "" : ", since its cost is not known whole or is 0";
      const why = `by ${found.measure} of the usage of the ${each}${instead}`;
      return { kind: "shares", method: "usage_share", shares: found.shares, why };
    }
    if (fixed?.kind === "shares") return { ...fixed, why: "no usage was measured: its fallback split" };
    const shares = [unallocatedShare("no_usage")];
    return { kind: "shares", method: "usage_share", shares, why: "no usage was measured" };
  };
}

function spread(action: RuleAction, tree: Tree): RuleOutcome {
  const targets = spreadTargets(action, tree);
  if (targets.length === 0) return none("entity_deleted", "all its targets have ended");
  const weight = action.weight === "direct_cost" || action.weight === "metric" ? action.weight : "even";
  return {
    kind: "spread",
    targets,
    weight,
    metric: action.metric ?? null,
    period: action.period ?? "month",
    why: `spread over ${targets.length} entities`,
  };
}

function spreadTargets(action: RuleAction, tree: Tree): string[] {
  if (action.over !== undefined) return [...new Set(action.over.map(storedId))].filter((id) => tree.nodes.has(id));
  const level = tree.levels.find(({ levelCode }) => levelCode === action.over_level?.toLowerCase())?.level;
  return [...tree.nodes.values()].filter((node) => node.level === level).map(({ id }) => id);
}

/** Ids stand in rules in upper case since they were written; those of a preview may not. */
function storedId(text: string): string {
  return entityIdOf(text) ?? text;
}

/** Weights of the targets of a spread in a period, by entity id, decimal, not negative. */
export type SpreadWeights = ReadonlyMap<string, ReturnType<typeof parseAmount>>;

/** The shares of a row that is spread. All weights 0: nobody's (`no_weights`). Source: hierarchy.md 2.3. */
export function spreadShares(
  spread: Pick<SpreadTarget, "targets" | "weight">,
  weights: SpreadWeights,
): readonly Share[] {
  if (spread.weight === "even") return mergedShares(spread.targets.map((id) => shareOf(id)));
  const decimals = spread.targets.map((id) => weights.get(id) ?? parseAmount("0"));
  const whole = wholeWeights(decimals.map((weight) => (weight.isNegative() ? parseAmount("0") : weight)));
  const shares = mergedShares(spread.targets.map((id, at) => shareOf(id, whole[at] ?? 0n)));
  return shares.length === 0 ? [unallocatedShare("no_weights")] : shares;
}
