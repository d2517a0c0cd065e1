import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { byCost, largest, type Shown, shownGroup, shownSums, totalOf } from "#shared/costs/cost-groups.ts";
import { CostSummaryQuery } from "#shared/costs/cost-query.ts";
import type { Group } from "#shared/costs/frame-groups.ts";
import { platformFacts } from "#shared/costs/platform-facts.ts";
import { type CostPorts, type CostRead, openRead, summaryOf } from "#shared/costs/read-summary.ts";
import { CostSummary } from "#shared/costs/summary-schema.ts";
import { addSums, noSums, type Sums } from "#shared/costs/sums.ts";
import { levelCoded } from "#shared/hierarchy/level.ts";
import { lineOf, nodeNamed, pathOf, type Tree, type TreeNode, unallocated } from "#shared/hierarchy/tree.ts";
import { codeOf } from "#shared/hierarchy/tree-read.ts";
import { moneyText } from "#shared/money/amount.ts";
import { minorDigits } from "#shared/money/currencies.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";
import { type EntityGroup, entityGroups } from "./entity-sums.ts";

const optional = Type.Optional;
const nullableText = nullable(Type.String());

export const ByHierarchyQuery = strictObject({
  ...CostSummaryQuery.properties,
  top: optional(Type.Integer({ minimum: 1, maximum: 100, description: "The largest groups; all by default" })),
  level: optional(Type.Integer({ minimum: 1, maximum: 10, description: "Level of the groups; 1 by default" })),
  level_code: optional(Type.String({ minLength: 1, maxLength: 30, description: "The same by its code" })),
  parent_id: optional(Type.String({ minLength: 1, maxLength: 50, description: "Only what lies in this entity" })),
});
export type ByHierarchyQuery = Static<typeof ByHierarchyQuery>;

const shared = CostSummary.properties;
const { charge_category: _key, ...sumFields } = shared.breakdown_by_charge_category.items.properties;

const HierarchyGroup = strictObject({
  entity_id: Type.String(),
  entity_name: Type.String(),
  level_code: nullableText,
  path: nullableText,
  path_names: Type.Array(Type.String()),
  direct: Type.Boolean({ description: "Money of an entity above the level itself" }),
  ...sumFields,
  by_method: Type.Record(Type.String(), Type.String()),
});
type HierarchyGroup = Static<typeof HierarchyGroup>;

export const CostByHierarchy = strictObject({
  org_slug: Type.String(),
  currency: shared.currency,
  basis: shared.basis,
  date_range: shared.date_range,
  filters: shared.filters,
  unknown_filters: shared.unknown_filters,
  total_cost: shared.total_cost,
  groups: Type.Array(HierarchyGroup),
  data: Type.Array(HierarchyGroup, { description: "The groups, for older clients" }),
  remainder: shared.top_services_remainder,
  versions: strictObject({ hierarchy: Type.Integer(), allocation: Type.Integer() }),
  ledger_versions: shared.ledger_versions,
  as_of: shared.as_of,
  totals_by_currency: shared.totals_by_currency,
  fx: shared.fx,
  complete: shared.complete,
  completeness: shared.completeness,
  contains_simulated: shared.contains_simulated,
  cache_hit: shared.cache_hit,
  query_time_ms: shared.query_time_ms,
});
export type CostByHierarchy = Static<typeof CostByHierarchy>;

/** A group before it is shown: an entity of the level with all below it, or what an entity above holds itself. */
interface Place {
  node: TreeNode | null;
  isDirect: boolean;
  groups: EntityGroup[];
}

/**
 * Cost by the entities of one level, every one with all below it; money of entities above stands beside as `direct`, and
 * `UNALLOCATED` is always there. The groups sum to the total. With `parent_id` only the rows of its subtree, grouped by
 * its children. Errors: those of the costs room's reads, `ENTITY_NOT_FOUND`. Source: costs.md 5.
 */
export async function costByHierarchy(
  { org, query }: { org: OrgIdentity; query: ByHierarchyQuery },
  ports: CostPorts,
): Promise<CostByHierarchy> {
  const startedAt = performance.now();
  const { level: _level, level_code: _code, parent_id: parentId, top, ...asked } = query;
  refuseContradiction(query);
  const facts = await platformFacts();
  const read = await openRead({ org, query: asked, byEntity: true, within: parentId }, ports, facts);
  const { tree, versions } = allocationOf(read);
  const answer = await summaryOf(read, asked, ports);
  const groups = await entityGroups(read, ports);
  const total = totalOf(groups);
  const basis = query.basis ?? "effective";
  const shown = { basis, minorDigits: minorDigits(facts.minorDigits, read.conversion.currency), total: total[basis] };
  const places = placesOf(groups, { tree, level: levelOf(tree, query), chosen: read.entities?.entities });
  const listed = listedPlaces(places, top, shown, tree);
  return {
    org_slug: org.slug,
    currency: answer.currency,
    basis,
    date_range: answer.date_range,
    filters: answer.filters,
    unknown_filters: answer.unknown_filters,
    total_cost: answer.total_cost,
    ...listed,
    data: listed.groups,
    versions,
    ledger_versions: answer.ledger_versions,
    as_of: answer.as_of,
    totals_by_currency: answer.totals_by_currency,
    fx: answer.fx,
    complete: answer.complete,
    completeness: answer.completeness,
    contains_simulated: answer.contains_simulated,
    cache_hit: answer.cache_hit,
    query_time_ms: Math.round(performance.now() - startedAt),
  };
}

function refuseContradiction({ level, level_code, parent_id }: ByHierarchyQuery): void {
  const given = Object.entries({ level, level_code, parent_id }).filter(([, value]) => value !== undefined);
  if (given.length <= 1) return;
  const fields = given.map(([name]) => ({ path: `/${name}`, problem: "must stand alone" }));
  throw new AppError("INVALID_PARAMETER", "Give one of level, level_code and parent_id.", { fields });
}

function allocationOf({ allocation }: CostRead) {
  if (allocation === undefined) throw new Error("a read by entity without allocation");
  return { tree: allocation.input.tree, versions: allocation.versions };
}

function levelOf(tree: Tree, { level, level_code, parent_id }: ByHierarchyQuery): number {
  if (parent_id !== undefined) return nodeNamed(tree, parent_id).level + 1;
  if (level_code === undefined) return level ?? 1;
  return levelCoded(tree.levels, level_code, { code: "INVALID_PARAMETER", path: "/level_code" }).level;
}

/** One place per entity of the level that is chosen or has something chosen below it, one for nobody. */
function placesOf(
  groups: readonly EntityGroup[],
  { tree, level, chosen }: { tree: Tree; level: number; chosen: readonly string[] | undefined },
): Place[] {
  const nobody: Place = { node: null, isDirect: false, groups: [] };
  const places = new Map<string, Place>([[unallocated, nobody]]);
  const placeOf = (id: string): Place => {
    const line = lineOf(tree, id);
    const node = line.find((each) => each.level === level) ?? line.at(-1);
    if (node === undefined) return nobody;
    const place = places.get(node.id) ?? { node, isDirect: node.level < level, groups: [] };
    places.set(node.id, place);
    return place;
  };
  for (const id of chosen ?? tree.nodes.keys()) if ((tree.nodes.get(id)?.level ?? 0) >= level) placeOf(id);
  for (const group of groups) placeOf(group.key.entity).groups.push(group);
  return [...places.values()];
}

type Ranked = Group<"entity"> & { place: Place };

function listedPlaces(
  places: readonly Place[],
  top: number | undefined,
  shown: Shown,
  tree: Tree,
): Pick<CostByHierarchy, "groups" | "remainder"> {
  const ranked = places.map(
    (place): Ranked => ({ place, key: { entity: place.node?.id ?? unallocated }, sums: totalOf(place.groups) }),
  );
  const { basis } = shown;
  const largestOf = top === undefined ? { top: ranked, remainder: null } : largest(ranked, top, { basis, keys });
  const taken = new Set(largestOf.top.map(({ key }) => key.entity));
  // Nobody's is in every answer, however small.
  const listed = ranked.filter(({ key }) => taken.has(key.entity) || key.entity === unallocated);
  const others = ranked.filter((each) => !listed.includes(each));
  return {
    groups: byCost(listed, basis, keys).map((each) => shownPlace(each, shown, tree)),
    remainder: others.length === 0 ? null : { group_count: others.length, ...shownSums(totalOf(others), shown) },
  };
}

const keys = ["entity"] as const;

function shownPlace(
  { place: { node, isDirect, groups }, sums: own }: Ranked,
  shown: Shown,
  tree: Tree,
): HierarchyGroup {
  const methods = new Map<string, Sums>();
  for (const { key, sums: some } of groups) methods.set(key.method, addSums(methods.get(key.method) ?? noSums, some));
  const money = (some: Sums): string => moneyText(some[shown.basis], shown.minorDigits);
  return {
    entity_id: node?.id ?? unallocated,
    entity_name: node?.name ?? "Unallocated",
    level_code: node === null ? null : codeOf(tree, node.level),
    path: node === null ? null : pathOf(tree, node.id),
    path_names: node === null ? [] : lineOf(tree, node.id).map(({ name }) => name),
    direct: isDirect,
    ...shownGroup(own, shown),
    by_method: Object.fromEntries([...methods].sort().map(([method, some]) => [method, money(some)])),
  };
}
