import { manualPipeline } from "#shared/ledger/ledger.ts";
import type { AllocationRule } from "./allocation-rule.ts";
import { inRuleOrder } from "./allocation-rule.ts";
import type { AssignmentKey } from "./assignment-key.ts";
import type { RowMark } from "./row-mark.ts";
import { type RuleOutcome, type RuleTarget, ruleTarget, type SpreadWeights } from "./rule-action.ts";
import { type KeyTest, ruleTest } from "./rule-match.ts";
import { type Reason, type Share, shareOf, unallocatedShare } from "./shares.ts";
import { compareText, entityIdOf, type Tree } from "./tree.ts";
import type { UsageOf } from "./usage-share.ts";

export const methods = [
  "explicit",
  "rule",
  "split",
  "usage_share",
  "spread",
  "tag",
  "credential",
  "unallocated",
] as const;
export type Method = (typeof methods)[number];

/** How sure an answer may be of where a row went. Source: hierarchy.md 2.1. */
export const confidenceOf: Readonly<Record<Method, "exact" | "declared" | "estimated" | null>> = {
  explicit: "exact",
  rule: "exact",
  split: "declared",
  usage_share: "estimated",
  spread: "estimated",
  tag: "exact",
  credential: "exact",
  unallocated: null,
};

export interface AllocationSettings {
  /** Tags whose value may be an entity id, in the order they are asked. */
  tagKeys: readonly string[];
  /** Whether tag keys are compared without regard to case. */
  ignoreCase: boolean;
}

/** Everything that decides where rows go, at one moment. Pure values: no store is asked. */
export interface AllocationInput {
  tree: Tree;
  rules: readonly AllocationRule[];
  settings: AllocationSettings;
  /** Entities of SaaS plans and provider subscriptions, by subscription id and by line id. */
  planEntities: ReadonlyMap<string, string>;
  /** By credential id. */
  credentialDefaults: ReadonlyMap<string, string>;
  /** Measured usage; absent where none was read. */
  usageOf?: UsageOf;
  /** By metric, in a UTC day or without one in the month that is divided; absent where none was read. */
  metricWeights?: (metric: string, day: string | undefined) => SpreadWeights;
  mark?: RowMark;
}

/** One step that was tried, as `allocation-explain` tells it. */
export interface Step {
  step: "explicit" | "rule" | "tag" | "credential" | "unallocated";
  ruleId: string | null;
  result: "taken" | "passed";
  why: string;
}

/** Where a row goes: its shares, merged and by entity; or the spread rule that takes it in the second pass. */
export type Assignment =
  | { kind: "shares"; method: Method; ruleId: string | null; shares: readonly Share[] }
  | { kind: "spread"; ruleId: string; spread: Extract<RuleTarget, { kind: "spread" }> };

/** Decides rows of one allocation; the same key always goes the same way. */
export type Allocator = (key: AssignmentKey, note?: (step: Step) => void) => Assignment;

interface ReadyRule {
  rule: AllocationRule;
  holds: KeyTest;
  target: (key: AssignmentKey) => RuleOutcome;
}

/**
 * The first pass of allocation (`hierarchy.md` 2.1): the row's own entity, the rules in their order, tag identity, the
 * credential's default. Ended entities never swallow cost: the row goes on to the next step. Pure.
 */
export function allocator(input: AllocationInput): Allocator {
  const rules = [...input.rules]
    .filter((rule) => rule.isActive)
    .sort(inRuleOrder)
    .map((rule): ReadyRule => ({ rule, holds: ruleTest(rule), target: ruleTarget(rule, input) }));
  const overriding = rules.filter(({ rule }) => rule.overridesExplicit);
  return (key, note = () => {}) => {
    const reasons = new Set<Reason>();
    const own = explicitEntity(key, input);
    if (own !== undefined) {
      const taken = byRules(overriding, key, { note, reasons });
      if (taken !== undefined) return taken;
      if (isActive(own, input.tree)) return byOne("explicit", own, note, `its own entity is ${own}`);
      reasons.add("entity_deleted");
      note({ step: "explicit", ruleId: null, result: "passed", why: `its own entity ${own} has ended` });
    }
    return (
      byRules(rules, key, { note, reasons }) ??
      byTag(key, input, { note, reasons }) ??
      byCredential(key, input, { note, reasons }) ??
      nobody(reasons, note)
    );
  };
}

interface Trying {
  note: (step: Step) => void;
  /** Why the steps so far yielded nothing. */
  reasons: Set<Reason>;
}

function isActive(id: string, tree: Tree): boolean {
  return tree.nodes.has(id);
}

function explicitEntity(key: AssignmentKey, { planEntities }: AllocationInput): string | undefined {
  if (key.pipelineId === manualPipeline) return entityIdOf(key.tags["entity_id"] ?? "");
  const ofVersion = key.subscriptionId === null ? undefined : planEntities.get(key.subscriptionId);
  return ofVersion ?? (key.planLine === null ? undefined : planEntities.get(key.planLine));
}

function byOne(
  method: "explicit" | "tag" | "credential",
  entityId: string,
  note: Trying["note"],
  why: string,
): Assignment {
  note({ step: method, ruleId: null, result: "taken", why });
  return { kind: "shares", method, ruleId: null, shares: [shareOf(entityId)] };
}

function byRules(rules: readonly ReadyRule[], key: AssignmentKey, { note, reasons }: Trying): Assignment | undefined {
  for (const { rule, holds, target } of rules) {
    const { ruleId } = rule;
    if (!holds(key)) {
      note({ step: "rule", ruleId, result: "passed", why: "its match does not hold" });
      continue;
    }
    const outcome = target(key);
    if (outcome.kind === "none") {
      reasons.add(outcome.reason);
      note({ step: "rule", ruleId, result: "passed", why: outcome.why });
      continue;
    }
    note({ step: "rule", ruleId, result: "taken", why: outcome.why });
    if (outcome.kind === "spread") return { kind: "spread", ruleId, spread: outcome };
    return { kind: "shares", method: outcome.method, ruleId, shares: outcome.shares };
  }
  return undefined;
}

function byTag(key: AssignmentKey, { tree, settings }: AllocationInput, trying: Trying): Assignment | undefined {
  for (const tagKey of settings.tagKeys) {
    const value = tagValue(key.tags, tagKey, settings.ignoreCase);
    if (value === undefined) continue;
    const id = entityIdOf(value);
    if (id !== undefined && isActive(id, tree)) return byOne("tag", id, trying.note, `the tag ${tagKey} names ${id}`);
    trying.reasons.add("unmapped_tag");
    const why = `the value of the tag ${tagKey} is no active entity`;
    trying.note({ step: "tag", ruleId: null, result: "passed", why });
  }
  return undefined;
}

function tagValue(tags: AssignmentKey["tags"], wanted: string, ignoreCase: boolean): string | undefined {
  if (Object.hasOwn(tags, wanted)) return tags[wanted];
  if (!ignoreCase) return undefined;
  const folded = wanted.toLowerCase();
  // Of keys that differ in case only, the first by code point: the same row is decided the same way everywhere.
  const [name] = Object.keys(tags)
    .filter((each) => each.toLowerCase() === folded)
    .sort(compareText);
  return name === undefined ? undefined : tags[name];
}

function byCredential(key: AssignmentKey, input: AllocationInput, trying: Trying): Assignment | undefined {
  const entityId = key.credentialId === null ? undefined : input.credentialDefaults.get(key.credentialId);
  if (entityId === undefined) return undefined;
  if (isActive(entityId, input.tree))
    return byOne("credential", entityId, trying.note, `its credential's default is ${entityId}`);
  trying.reasons.add("entity_deleted");
  const why = `its credential's default ${entityId} has ended`;
  trying.note({ step: "credential", ruleId: null, result: "passed", why });
  return undefined;
}

const tellingReasons: readonly Reason[] = ["entity_deleted", "unknown_entity", "unmapped_tag"];

function nobody(reasons: ReadonlySet<Reason>, note: Trying["note"]): Assignment {
  const reason = tellingReasons.find((each) => reasons.has(each)) ?? "no_rule";
  note({ step: "unallocated", ruleId: null, result: "taken", why: reason });
  return { kind: "shares", method: "unallocated", ruleId: null, shares: [unallocatedShare(reason)] };
}
