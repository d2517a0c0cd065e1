import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { asOf } from "#shared/costs/cost-query.ts";
import { platformFacts } from "#shared/costs/platform-facts.ts";
import { type CostPorts, openRead, summaryOf } from "#shared/costs/read-summary.ts";
import { CostSummary } from "#shared/costs/summary-schema.ts";
import { type Basis, bases, percentage } from "#shared/costs/sums.ts";
import { EffectiveOwner, type EntityDocument } from "#shared/hierarchy/entity.ts";
import { nearestOwned, ownerOf } from "#shared/hierarchy/entity-answer.ts";
import { entitiesNamed } from "#shared/hierarchy/hierarchy-store.ts";
import { levelCoded } from "#shared/hierarchy/level.ts";
import { childrenOf, lineOf, nodeNamed, type Tree, type TreeNode, unallocated } from "#shared/hierarchy/tree.ts";
import { codeOf } from "#shared/hierarchy/tree-read.ts";
import { type Decimal, moneyText, sumAmounts, zero } from "#shared/money/amount.ts";
import { minorDigits } from "#shared/money/currencies.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { costsBy, type EntityGroup, entityGroups, ownCosts } from "./entity-sums.ts";

const maxDays = 400;
const optional = Type.Optional;

export const RollupQuery = strictObject({
  start_date: optional(Type.String({ description: "First UTC day" })),
  end_date: optional(Type.String({ description: "Last UTC day" })),
  root: optional(Type.String({ minLength: 1, maxLength: 50, description: "Only this entity and all below it" })),
  level_code: optional(Type.String({ minLength: 1, maxLength: 30, description: "Shown down to this level" })),
  basis: optional(choice(bases)),
  currency: optional(Type.String({ pattern: "^[A-Za-z]{3}$" })),
  as_of: asOf,
  structure_as_of: optional(Type.String({ minLength: 10, maxLength: 40 })),
});
export type RollupQuery = Static<typeof RollupQuery>;

const Money = Type.String();
const byName = Type.Record(Type.String(), Money);

export interface RolledEntity {
  entity_id: string;
  entity_name: string;
  level_code: string;
  own_cost: string;
  children_cost: string;
  total_cost: string;
  percent: number | null;
  by_method: Record<string, string>;
  effective_owner: Static<typeof EffectiveOwner> | null;
  children: RolledEntity[];
}

const rolledFields = {
  entity_id: Type.String(),
  entity_name: Type.String(),
  level_code: Type.String(),
  own_cost: Money,
  children_cost: Money,
  total_cost: Money,
  percent: nullable(Type.Number()),
  by_method: byName,
  effective_owner: nullable(EffectiveOwner),
  children: Type.Array(Type.Object({}, { description: "Entities in the same form, one level deeper" })),
};

export const Rollup = strictObject({
  org_slug: Type.String(),
  currency: Type.String(),
  basis: choice(bases),
  date_range: CostSummary.properties.date_range,
  total: Money,
  roots: Type.Array(Type.Unsafe<RolledEntity>(strictObject(rolledFields))),
  unallocated: strictObject({
    entity_id: Type.Literal(unallocated),
    entity_name: Type.Literal("Unallocated"),
    amount: Money,
    by_reason: byName,
  }),
  versions: strictObject({
    ledger: Type.Record(Type.String(), Type.Integer()),
    hierarchy: Type.Integer(),
    allocation: Type.Integer(),
  }),
  as_of: CostSummary.properties.as_of,
  fx: CostSummary.properties.fx,
  complete: Type.Boolean(),
  completeness: CostSummary.properties.completeness,
});
export type Rollup = Static<typeof Rollup>;

/** What the entities of one answer are made of. */
interface Rolling {
  tree: Tree;
  own: ReadonlyMap<string, Decimal>;
  groups: ReadonlyMap<string, EntityGroup[]>;
  owners: ReadonlyMap<string, EntityDocument>;
  basis: Basis;
  total: Decimal;
  /** Deepest level shown. */
  depth: number;
  money: (amount: Decimal) => string;
}

/**
 * Published cost by entity, every entity with all below it; sums of roots and `UNALLOCATED` are the total without
 * allocation, to the last decimal. Errors: those of the costs room's reads, `ENTITY_NOT_FOUND`. Source: hierarchy.md 2.5.
 */
export async function rollup(
  { org, query }: { org: OrgIdentity; query: RollupQuery },
  ports: CostPorts,
): Promise<Rollup> {
  const basis = query.basis ?? "effective";
  const facts = await platformFacts();
  const { root, level_code: levelCode, ...asked } = query;
  const named = root === undefined ? {} : { hierarchy_entity_id: [root] };
  const read = await openRead({ org, query: { ...asked, ...named }, byEntity: true }, ports, facts);
  if (read.range.days > maxDays) throw rangeTooLong();
  const { allocation, conversion } = read;
  if (allocation === undefined) throw new Error("a roll-up without allocation");
  const { tree } = allocation.input;
  const { completeness, complete, fx, date_range, ledger_versions } = await summaryOf(read, { basis }, ports);
  const groups = await entityGroups(read, ports);
  const own = ownCosts(groups, basis);
  const digits = minorDigits(facts.minorDigits, conversion.currency);
  const money = (amount: Decimal): string => moneyText(amount, digits);
  const total = sumAmounts(own.values());
  const at = { code: "INVALID_PARAMETER" as const, path: "/level_code" };
  const depth = levelCode === undefined ? tree.levels.length : levelCoded(tree.levels, levelCode, at).level;
  const owners = await ownersOf(org, tree, ports);
  const rolling = { tree, own, groups: byEntity(groups), owners, basis, total, depth, money };
  const tops = root === undefined ? childrenOf(tree, null) : [nodeNamed(tree, root)];
  const nobodys = groups.filter(({ key }) => key.entity === unallocated);
  return {
    org_slug: org.slug,
    currency: conversion.currency,
    basis,
    date_range,
    total: money(total),
    roots: tops.map((node) => rolled(node, rolling).shown),
    unallocated: {
      entity_id: unallocated,
      entity_name: "Unallocated",
      amount: money(own.get(unallocated) ?? zero),
      by_reason: shownBy(nobodys, "reason", { basis, money }),
    },
    versions: { ledger: ledger_versions, ...allocation.versions },
    as_of: read.asOf,
    fx,
    complete,
    completeness,
  };
}

export function rangeTooLong(): AppError {
  return new AppError("RANGE_TOO_LONG", `At most ${maxDays} days.`, {
    fields: [{ path: "/end_date", problem: `must leave at most ${maxDays} days` }],
  });
}

export function shownBy(
  groups: readonly EntityGroup[],
  name: "method" | "reason",
  { basis, money }: Pick<Rolling, "basis" | "money">,
): Record<string, string> {
  return Object.fromEntries(costsBy(groups, name, basis).map(([key, amount]) => [key, money(amount)]));
}

function byEntity(groups: readonly EntityGroup[]): Map<string, EntityGroup[]> {
  const found = new Map<string, EntityGroup[]>();
  for (const group of groups) {
    const own = found.get(group.key.entity);
    if (own === undefined) found.set(group.key.entity, [group]);
    else own.push(group);
  }
  return found;
}

async function ownersOf(org: OrgIdentity, tree: Tree, { documents }: CostPorts): Promise<Map<string, EntityDocument>> {
  const owned = [...tree.nodes.values()].filter((node) => node.isOwned).map(({ id }) => id);
  const found = await entitiesNamed(org, owned, documents);
  return new Map([...found].flatMap(([id, { body }]) => (body === undefined ? [] : [[id, body] as const])));
}

/** The entity with all below it; what lies deeper than is shown counts in its total all the same. */
function rolled(node: TreeNode, rolling: Rolling): { shown: RolledEntity; total: Decimal } {
  const { tree, money } = rolling;
  const children = childrenOf(tree, node.id).map((child) => rolled(child, rolling));
  const own = rolling.own.get(node.id) ?? zero;
  const below = sumAmounts(children.map((child) => child.total));
  const total = own.plus(below);
  const owner = nearestOwned(lineOf(tree, node.id));
  const document = owner === undefined ? undefined : rolling.owners.get(owner.id);
  const shown: RolledEntity = {
    entity_id: node.id,
    entity_name: node.name,
    level_code: codeOf(tree, node.level),
    own_cost: money(own),
    children_cost: money(below),
    total_cost: money(total),
    percent: percentage(total, rolling.total),
    by_method: shownBy(rolling.groups.get(node.id) ?? [], "method", rolling),
    effective_owner: document === undefined ? null : ownerOf(document),
    children: node.level < rolling.depth ? children.map((child) => child.shown) : [],
  };
  return { shown, total };
}
