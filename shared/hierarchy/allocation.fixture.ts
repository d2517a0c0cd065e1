import { type Decimal, parseAmount, zero } from "#shared/money/amount.ts";
import { type AllocationInput, allocator } from "./allocate.ts";
import type { AllocationRule, RuleAction, RuleMatch } from "./allocation-rule.ts";
import { type AssignmentKey, emptyKey } from "./assignment-key.ts";
import type { HierarchyLevel } from "./default-levels.ts";
import { spreadShares } from "./rule-action.ts";
import { amountOfUnits, divided, type Share, unitsOf } from "./shares.ts";
import { isWithin, type Tree, treeOf, unallocated } from "./tree.ts";

/** Levels as an organization begins with them. */
export const testLevels: HierarchyLevel[] = ["department", "project", "team"].map((levelCode, at) => ({
  level: at + 1,
  levelCode,
  levelName: levelCode,
  levelNamePlural: levelCode,
  parentLevel: at === 0 ? null : at,
  isRequired: true,
  isLeaf: at === 2,
  maxChildren: null,
  idPrefix: null,
  idAutoGenerate: true,
  metadataSchema: null,
  displayOrder: at + 1,
  icon: null,
  color: null,
  isActive: true,
}));

/** A tree of `[id, parent]` pairs, parents first. */
export function testTree(pairs: readonly (readonly [id: string, parentId: string | null])[]): Tree {
  const levels = new Map<string, number>();
  const nodes = pairs.map(([id, parentId]) => {
    const level = parentId === null ? 1 : (levels.get(parentId) ?? 0) + 1;
    levels.set(id, level);
    return { id, name: id, level, parentId, sort: 0, ownerId: null, isOwned: false };
  });
  return treeOf(1, testLevels, nodes);
}

export function testRule(
  ruleId: string,
  action: RuleAction,
  options: Partial<AllocationRule> & { match?: RuleMatch } = {},
): AllocationRule {
  return {
    ruleId,
    name: ruleId,
    description: null,
    priority: 10,
    isActive: true,
    effectiveFrom: null,
    effectiveTo: null,
    overridesExplicit: false,
    match: {},
    action,
    version: 1,
    createdAt: "2026-01-01T00:00:00.000Z",
    createdBy: "test",
    updatedAt: "2026-01-01T00:00:00.000Z",
    updatedBy: "test",
    ...options,
  };
}

export function testInput(options: Partial<AllocationInput> & { tree: Tree }): AllocationInput {
  return {
    rules: [],
    settings: { tagKeys: ["entity_id", "cost_center", "team", "project", "department"], ignoreCase: false },
    planEntities: new Map(),
    credentialDefaults: new Map(),
    ...options,
  };
}

export function testKey(key: Partial<AssignmentKey>): AssignmentKey {
  return { ...emptyKey, day: "2026-08-02", ...key };
}

/** An amount divided over shares, decimal text by entity. */
export function dividedText(amount: string, shares: readonly Share[]): Record<string, string> {
  const parts = divided(unitsOf(parseAmount(amount)), shares);
  const sums = new Map<string, bigint>();
  for (const [at, { entityId }] of shares.entries()) sums.set(entityId, (sums.get(entityId) ?? 0n) + (parts[at] ?? 0n));
  return Object.fromEntries([...sums].map(([entityId, units]) => [entityId, amountOfUnits(units).toFixed()]));
}

/** Both passes over the rows of one period: what reached each entity itself. */
export function allocated(
  rows: readonly { key: AssignmentKey; amount: string }[],
  input: AllocationInput,
): Record<string, string> {
  const assign = allocator(input);
  const sums = new Map<string, Decimal>();
  const add = (amount: string, shares: readonly Share[]): void => {
    for (const [entity, part] of Object.entries(dividedText(amount, shares)))
      sums.set(entity, (sums.get(entity) ?? zero).plus(part));
  };
  const later: (() => void)[] = [];
  for (const { key, amount } of rows) {
    const assignment = assign(key);
    if (assignment.kind === "shares") add(amount, assignment.shares);
    else later.push(() => add(amount, spreadShares(assignment.spread, weights)));
  }
  const weights = new Map<string, Decimal>();
  for (const target of input.tree.nodes.keys()) {
    const within = [...sums].filter(([entity]) => entity !== unallocated && isWithin(input.tree, entity, target));
    weights.set(
      target,
      within.reduce((sum, [, amount]) => sum.plus(amount), zero),
    );
  }
  for (const spread of later) spread();
  return Object.fromEntries([...sums].map(([entity, amount]) => [entity, amount.toFixed()]));
}
