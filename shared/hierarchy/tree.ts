import { AppError } from "#shared/runtime/errors.ts";
import type { HierarchyLevel } from "./default-levels.ts";

/** An active entity as trees hold it. */
export interface TreeNode {
  id: string;
  name: string;
  /** 1 is the top. */
  level: number;
  parentId: string | null;
  sort: number;
  ownerId: string | null;
  /** Somebody is named as owner, by id, name or address. */
  isOwned: boolean;
}

/** The structure of one organization at one version. Paths are derived from parent links; nothing stores one. */
export interface Tree {
  version: number;
  levels: readonly HierarchyLevel[];
  nodes: ReadonlyMap<string, TreeNode>;
  /** In tree order; under null the roots. */
  children: ReadonlyMap<string | null, readonly TreeNode[]>;
}

/** The pseudo entity of what reaches no other. Nobody can create, move or own it. */
export const unallocated = "UNALLOCATED";
const reservedIds: ReadonlySet<string> = new Set([unallocated, "ROOT"]);
const idForm = /^[A-Z0-9_-]{1,50}$/;

/** The id as stored: upper case; ids that differ in case are one. Undefined for what can be none. */
export function entityIdOf(text: string): string | undefined {
  if (!/^[A-Za-z0-9_-]{1,50}$/.test(text)) return undefined;
  const id = text.toUpperCase();
  // The document store keeps names like `__x__` for itself.
  return idForm.test(id) && !reservedIds.has(id) && !/^__.*__$/.test(id) ? id : undefined;
}

export function treeOf(version: number, levels: readonly HierarchyLevel[], nodes: Iterable<TreeNode>): Tree {
  const byId = new Map<string, TreeNode>();
  const children = new Map<string | null, TreeNode[]>();
  for (const node of nodes) byId.set(node.id, node);
  for (const node of byId.values()) {
    const siblings = children.get(node.parentId);
    if (siblings === undefined) children.set(node.parentId, [node]);
    else siblings.push(node);
  }
  for (const siblings of children.values()) siblings.sort(inOrder);
  return { version, levels, nodes: byId, children };
}

/** By sort order, name and id, by code point: the same in every locale. */
export function inOrder(a: TreeNode, b: TreeNode): number {
  return a.sort - b.sort || compareText(a.name, b.name) || compareText(a.id, b.id);
}

/** UTF-8 sorts as code points do; UTF-16, what `<` compares, does not. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export function childrenOf(tree: Tree, id: string | null): readonly TreeNode[] {
  return tree.children.get(id) ?? [];
}

/** From the root to the entity itself. Empty for an id that is not active. */
export function lineOf(tree: Tree, id: string): TreeNode[] {
  const line: TreeNode[] = [];
  for (let node = tree.nodes.get(id); node !== undefined; node = nextUp(tree, node)) line.unshift(node);
  return line;
}

function nextUp(tree: Tree, node: TreeNode): TreeNode | undefined {
  return node.parentId === null ? undefined : tree.nodes.get(node.parentId);
}

export function pathOf(tree: Tree, id: string): string {
  return lineOf(tree, id)
    .map((node) => `/${node.id}`)
    .join("");
}

/** All below the entity, or below the roots with null, each parent before its children, in tree order. */
export function descendantsOf(tree: Tree, id: string | null): TreeNode[] {
  const found: TreeNode[] = [];
  const waiting = [...childrenOf(tree, id)].reverse();
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    found.push(node);
    waiting.push(...[...childrenOf(tree, node.id)].reverse());
  }
  return found;
}

/** True when `id` is `ancestor` or lies below it, by parent links, never by text. */
export function isWithin(tree: Tree, id: string, ancestor: string): boolean {
  return lineOf(tree, id).some((node) => node.id === ancestor);
}

/** The active entity of an id in any case. Throws `ENTITY_NOT_FOUND`. */
export function nodeNamed(tree: Tree, text: string): TreeNode {
  const id = entityIdOf(text);
  const node = id === undefined ? undefined : tree.nodes.get(id);
  if (node === undefined) throw entityNotFound();
  return node;
}

/** One answer for an unknown entity, a deleted one and another organization's. */
export function entityNotFound(): AppError {
  return new AppError("ENTITY_NOT_FOUND", "There is no such entity.");
}

/**
 * The active entity that a body refers to: plans, credentials, rule targets, splits. Throws `HIERARCHY_ENTITY_UNKNOWN`
 * naming the field. Source: hierarchy.md 2.5.
 */
export function referredEntity(tree: Tree, text: string, path: string): TreeNode {
  const id = entityIdOf(text);
  const node = id === undefined ? undefined : tree.nodes.get(id);
  if (node !== undefined) return node;
  throw unknownEntity(path);
}

/** One answer for an unknown entity in a body, a deleted one and another organization's. */
export function unknownEntity(path: string): AppError {
  const problem = "is no active entity of this organization";
  return new AppError("HIERARCHY_ENTITY_UNKNOWN", `${path} ${problem}.`, { fields: [{ path, problem }] });
}
