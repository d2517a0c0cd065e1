import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";
import { currentTree } from "./hierarchy-store.ts";
import { type FormerMoment, type FormerStructure, formerStructure } from "./journal.ts";
import { LevelAnswer, levelAnswer } from "./level.ts";
import { childrenOf, descendantsOf, nodeNamed, type Tree, type TreeNode } from "./tree.ts";

const optional = Type.Optional;

export const momentParameters = {
  at_version: optional(Type.Integer({ minimum: 1, description: "The structure at one of its versions" })),
  as_of: optional(Type.String({ format: "date-time", description: "The structure at an instant" })),
};

export const TreeQuery = strictObject({
  root: optional(Type.String({ minLength: 1, maxLength: 50 })),
  depth: optional(Type.Integer({ minimum: 1, maximum: 10 })),
  ...momentParameters,
});
export type TreeQuery = Static<typeof TreeQuery>;

export interface NestedEntity {
  entity_id: string;
  entity_name: string;
  level: number;
  level_code: string;
  parent_id: string | null;
  path: string;
  sort_order: number;
  owner_id: string | null;
  children_count: number;
  children: NestedEntity[];
}

const nestedFields = {
  entity_id: Type.String(),
  entity_name: Type.String(),
  level: Type.Integer(),
  level_code: Type.String(),
  parent_id: nullable(Type.String()),
  path: Type.String(),
  sort_order: Type.Integer(),
  owner_id: nullable(Type.String()),
  children_count: Type.Integer(),
  children: Type.Array(Type.Object({}, { description: "Entities in the same form, one level deeper" })),
};

export const TreeAnswer = strictObject({
  org_slug: Type.String(),
  levels: Type.Array(LevelAnswer),
  roots: Type.Array(Type.Unsafe<NestedEntity>(strictObject(nestedFields))),
  stats: Type.Record(Type.String(), Type.Integer(), { description: "Entities by level code, and their total" }),
  version: Type.Integer(),
});
export type TreeAnswer = Static<typeof TreeAnswer>;

type ReadPorts = { documents: Documents; clock: { now(): Date } };

/** The structure as the parameters ask for it: now, at a version, or at an instant. Throws `VERSION_NOT_FOUND`. */
export async function structureAt(
  org: OrgIdentity,
  query: { at_version?: number; as_of?: string },
  { documents, clock }: ReadPorts,
): Promise<FormerStructure> {
  const moment = momentOf(query);
  if (moment === undefined) return { tree: await currentTree(org, documents), entities: new Map() };
  return formerStructure(org, moment, { documents, now: clock.now() });
}

function momentOf({ at_version, as_of }: { at_version?: number; as_of?: string }): FormerMoment | undefined {
  if (at_version !== undefined && as_of !== undefined)
    throw new AppError("INVALID_PARAMETER", "Give at_version or as_of, not both.", {
      fields: [{ path: "/as_of", problem: "must not stand beside at_version" }],
    });
  if (at_version !== undefined) return { version: at_version };
  return as_of === undefined ? undefined : { instant: as_of };
}

/** The tree, nested, of the whole organization or below one entity. Throws `ENTITY_NOT_FOUND`, `VERSION_NOT_FOUND`. */
export async function readTree(org: OrgIdentity, query: TreeQuery, ports: ReadPorts): Promise<TreeAnswer> {
  const { tree } = await structureAt(org, query, ports);
  const depth = query.depth ?? 10;
  const root = query.root === undefined ? null : nodeNamed(tree, query.root);
  const tops = root === null ? childrenOf(tree, null) : [root];
  const parentPath = root === null ? "" : pathAbove(tree, root);
  const shown = root === null ? descendantsOf(tree, null) : [root, ...descendantsOf(tree, root.id)];
  return {
    org_slug: org.slug,
    levels: tree.levels.map(levelAnswer),
    roots: tops.map((node) => nested(tree, node, { depth, parentPath })),
    stats: { ...countsOf(tree, shown), total: shown.length },
    version: tree.version,
  };
}

function pathAbove(tree: Tree, node: TreeNode): string {
  const parent = node.parentId === null ? undefined : tree.nodes.get(node.parentId);
  return parent === undefined ? "" : `${pathAbove(tree, parent)}/${parent.id}`;
}

function nested(tree: Tree, node: TreeNode, at: { depth: number; parentPath: string }): NestedEntity {
  const path = `${at.parentPath}/${node.id}`;
  const children = childrenOf(tree, node.id);
  return {
    entity_id: node.id,
    entity_name: node.name,
    level: node.level,
    level_code: codeOf(tree, node.level),
    parent_id: node.parentId,
    path,
    sort_order: node.sort,
    owner_id: node.ownerId,
    children_count: children.length,
    children:
      at.depth > 1 ? children.map((child) => nested(tree, child, { depth: at.depth - 1, parentPath: path })) : [],
  };
}

export function codeOf(tree: Tree, level: number): string {
  return tree.levels.find((each) => each.level === level)?.levelCode ?? String(level);
}

function countsOf(tree: Tree, nodes: readonly TreeNode[]): Record<string, number> {
  const counts = Object.fromEntries(tree.levels.map(({ levelCode }) => [levelCode, 0]));
  for (const { level } of nodes) counts[codeOf(tree, level)] = (counts[codeOf(tree, level)] ?? 0) + 1;
  return counts;
}
