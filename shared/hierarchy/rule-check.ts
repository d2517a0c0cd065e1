import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import type { AllocationRule, MapEntry, RuleAction, RuleMatch } from "./allocation-rule.ts";
import { percentWeight } from "./rule-action.ts";
import { isWithin, referredEntity, type Tree } from "./tree.ts";

/** What a rule may name. */
export interface RuleSurroundings {
  tree: Tree;
  /** Those that shared cost can be spread by. */
  metrics: { has(metric: string): boolean };
}

const maximumConditions = 20;
const wholePercent = 100_000_000n;

/** Fields of each action; any other is refused. */
const fieldsOf = {
  assign: ["entity_id", "entity_from"],
  split: ["targets"],
  usage_share: ["by", "tag", "map", "weight", "fallback", "targets"],
  spread: ["over", "over_level", "weight", "metric", "period"],
} as const satisfies Record<RuleAction["type"], readonly (keyof RuleAction)[]>;

/** Throws `INVALID_BODY` for a match with too many conditions or one that says nothing. */
export function checkedMatch(match: RuleMatch): RuleMatch {
  const { tags = [], ...lists } = match;
  const count = Object.values(lists).filter((list) => list !== undefined).length + tags.length;
  if (count > maximumConditions) throw refused("/match", `has ${count} conditions; at most ${maximumConditions}`);
  for (const [at, { op, values }] of tags.entries()) {
    const needs = op === "eq" || op === "in" || op === "glob";
    if (needs && (values === undefined || values.length === 0))
      throw refused(`/match/tags/${at}/values`, "is required");
    if (op === "eq" && values !== undefined && values.length !== 1)
      throw refused(`/match/tags/${at}/values`, "must hold one value; op in takes several");
    if (!needs && values !== undefined && values.length > 0)
      throw refused(`/match/tags/${at}/values`, `must be absent with op ${op}`);
  }
  return match;
}

/**
 * The action with entity ids as they are stored. Throws `INVALID_BODY` for fields of another type, percentages and
 * targets that make no sense, `HIERARCHY_ENTITY_UNKNOWN` for an entity that is not active. Source: hierarchy.md 2.2.
 */
export function checkedAction(action: RuleAction, { tree, metrics }: RuleSurroundings): RuleAction {
  const allowed: readonly string[] = ["type", ...fieldsOf[action.type]];
  const problems: FieldProblem[] = Object.keys(action)
    .filter((name) => !allowed.includes(name))
    .map((name) => ({ path: `/action/${name}`, problem: `does not go with ${action.type}` }));
  if (problems.length > 0) throw refusedAll(problems);
  if (action.type === "assign") return checkedAssign(action, tree);
  if (action.type === "split") return { ...action, targets: checkedTargets(action, tree) };
  return action.type === "usage_share" ? checkedUsageShare(action, tree) : checkedSpread(action, { tree, metrics });
}

function checkedAssign(action: RuleAction, tree: Tree): RuleAction {
  const { entity_id: id, entity_from: from } = action;
  if ((id === undefined) === (from === undefined)) throw refused("/action", "needs entity_id or entity_from, not both");
  if (id !== undefined) return { ...action, entity_id: referredEntity(tree, id, "/action/entity_id").id };
  if (from === undefined || (from.tag === undefined) === (from.attribute === undefined))
    throw refused("/action/entity_from", "needs tag or attribute, not both");
  if ((from.map ?? []).length === 0 && !from.match_ids)
    throw refused("/action/entity_from/map", "must have entries where match_ids is false");
  return { ...action, entity_from: { ...from, map: checkedMap(from.map, tree, "/action/entity_from/map") } };
}

function checkedMap(map: readonly MapEntry[] | undefined, tree: Tree, path: string): MapEntry[] {
  const values = new Set<string>();
  return (map ?? []).map((entry, at) => {
    const value = entry.value.normalize("NFC");
    if (values.has(value)) throw refused(`${path}/${at}/value`, "stands twice");
    values.add(value);
    return { value, entity_id: referredEntity(tree, entry.entity_id, `${path}/${at}/entity_id`).id };
  });
}

function checkedTargets({ targets = [] }: RuleAction, tree: Tree): NonNullable<RuleAction["targets"]> {
  if (targets.length === 0) throw refused("/action/targets", "is required");
  const seen = new Set<string>();
  let sum = 0n;
  const checked = targets.map(({ entity_id, percent }, at) => {
    const { id } = referredEntity(tree, entity_id, `/action/targets/${at}/entity_id`);
    if (seen.has(id)) throw refused(`/action/targets/${at}/entity_id`, "stands twice");
    seen.add(id);
    const text = String(percent);
    if (!/^\d{1,3}(\.\d{1,6})?$/.test(text) || percentWeight(text) === 0n)
      throw refused(`/action/targets/${at}/percent`, "must be above 0 with at most 6 decimals");
    sum += percentWeight(text);
    return { entity_id: id, percent: text };
  });
  if (sum > wholePercent) throw refused("/action/targets", "must not be more than 100 percent together");
  return checked;
}

function checkedUsageShare(action: RuleAction, tree: Tree): RuleAction {
  const { by, tag, weight, fallback, targets } = action;
  if (by === undefined) throw refused("/action/by", "is required");
  if ((by === "tag") !== (tag !== undefined)) throw refused("/action/tag", "goes with by tag, and only with it");
  if (weight !== undefined && !["cost", "tokens", "requests"].includes(weight))
    throw refused("/action/weight", "must be one of cost, tokens, requests");
  if ((fallback === "split") !== (targets !== undefined))
    throw refused("/action/targets", "goes with the fallback split, and only with it");
  const map = checkedMap(action.map, tree, "/action/map");
  return targets === undefined ? { ...action, map } : { ...action, map, targets: checkedTargets(action, tree) };
}

function checkedSpread(action: RuleAction, { tree, metrics }: RuleSurroundings): RuleAction {
  const { over, over_level: level, weight, metric } = action;
  if ((over === undefined) === (level === undefined)) throw refused("/action", "needs over or over_level, not both");
  if (weight === undefined || !["even", "direct_cost", "metric"].includes(weight))
    throw refused("/action/weight", "must be one of even, direct_cost, metric");
  if ((weight === "metric") !== (metric !== undefined))
    throw refused("/action/metric", "goes with the weight metric, and only with it");
  if (metric !== undefined && !metrics.has(metric))
    throw refused("/action/metric", "must be a metric of this organization whose dimension is entity");
  if (level !== undefined) {
    if (tree.levels.some(({ levelCode }) => levelCode === level.toLowerCase()))
      return { ...action, over_level: level.toLowerCase() };
    throw refused("/action/over_level", "is no level of this organization");
  }
  const ids = (over ?? []).map((id, at) => referredEntity(tree, id, `/action/over/${at}`).id);
  for (const [at, id] of ids.entries()) {
    if (ids.indexOf(id) !== at) throw refused(`/action/over/${at}`, "stands twice");
    const outer = ids.find((other) => other !== id && isWithin(tree, id, other));
    if (outer !== undefined) throw refused(`/action/over/${at}`, `lies within ${outer}`);
  }
  return { ...action, over: ids };
}

/** Throws `INVALID_BODY` for days that end before they begin. */
export function refuseDays({ effectiveFrom: from, effectiveTo: to }: AllocationRule): void {
  if (from !== null && to !== null && to < from) throw refused("/effective_to", "must not lie before effective_from");
}

function refused(path: string, problem: string): AppError {
  return refusedAll([{ path, problem }]);
}

function refusedAll(fields: readonly FieldProblem[]): AppError {
  const [first] = fields;
  return new AppError("INVALID_BODY", `${first?.path} ${first?.problem}.`, { fields });
}

export type RuleWarning = { code: "MATCHES_EVERYTHING" | "SHADOWED_BY" | "NEVER_MATCHES"; rule_id: string | null };

/** What is allowed and probably not meant: no condition at all, or an earlier rule that takes every row first. */
export function ruleWarnings(
  rule: AllocationRule,
  ordered: readonly AllocationRule[],
  isUnused: boolean,
): RuleWarning[] {
  const warnings: RuleWarning[] = [];
  if (conditionsOf(rule).length === 0) warnings.push({ code: "MATCHES_EVERYTHING", rule_id: null });
  if (isUnused) warnings.push({ code: "NEVER_MATCHES", rule_id: null });
  const earlier = ordered.slice(
    0,
    ordered.findIndex(({ ruleId }) => ruleId === rule.ruleId),
  );
  const shadow = earlier.find((other) => takesAll(other, rule));
  if (shadow !== undefined) warnings.push({ code: "SHADOWED_BY", rule_id: shadow.ruleId });
  return warnings;
}

function conditionsOf({ match }: AllocationRule): string[] {
  const { tags = [], ...lists } = match;
  const named = Object.entries(lists).map(([name, list]) => JSON.stringify([name, [...(list ?? [])].sort()]));
  return [...named, ...tags.map((tag) => JSON.stringify(["tag", tag.key, tag.op, tag.values ?? [], tag.ignore_case]))];
}

/** An earlier rule that always yields, on every day of the later one, whose conditions the later one has all. */
function takesAll(earlier: AllocationRule, later: AllocationRule): boolean {
  if (!earlier.isActive || earlier.action.entity_from !== undefined) return false;
  if (later.overridesExplicit && !earlier.overridesExplicit) return false;
  const startsBefore =
    earlier.effectiveFrom === null || (later.effectiveFrom !== null && earlier.effectiveFrom <= later.effectiveFrom);
  const endsAfter =
    earlier.effectiveTo === null || (later.effectiveTo !== null && earlier.effectiveTo >= later.effectiveTo);
  const own = new Set(conditionsOf(later));
  return startsBefore && endsAfter && conditionsOf(earlier).every((condition) => own.has(condition));
}
