import { AppError } from "#shared/runtime/errors.ts";
import type { HierarchyLevel } from "./default-levels.ts";
import { childrenOf, entityIdOf, isWithin, type Tree, type TreeNode } from "./tree.ts";

/**
 * The parent that an entity of this level may be put under, null at the top. `except` is the entity itself, which takes
 * no further place. Throws 422 `PARENT_REQUIRED`, `PARENT_NOT_ALLOWED`, `PARENT_NOT_FOUND`, `PARENT_LEVEL_WRONG`,
 * `PARENT_IS_LEAF` and 409 `MAX_CHILDREN`. Source: hierarchy.md 1.3.
 */
export function parentFor(
  tree: Tree,
  asked: { level: number; parentId: string | null | undefined; except?: string; path?: string },
): string | null {
  const { level } = asked;
  const path = asked.path ?? "/parent_id";
  if (level === 1) {
    if (asked.parentId == null) return null;
    throw refusal("PARENT_NOT_ALLOWED", path, "must be null: entities of the first level have no parent");
  }
  if (asked.parentId == null)
    throw refusal("PARENT_REQUIRED", path, `must be an entity of the level ${nameOf(tree, level - 1)}`);
  const id = entityIdOf(asked.parentId);
  const parent = id === undefined ? undefined : tree.nodes.get(id);
  if (parent === undefined) throw refusal("PARENT_NOT_FOUND", path, "is no active entity of this organization");
  refuseParent(tree, parent, { level, path, except: asked.except });
  return parent.id;
}

function refuseParent(
  tree: Tree,
  parent: TreeNode,
  { level, path, except }: { level: number; path: string; except: string | undefined },
): void {
  if (except !== undefined && isWithin(tree, parent.id, except))
    throw refusal("PARENT_NOT_ALLOWED", path, "must not be the entity itself or lie below it");
  const above = tree.levels.find((each) => each.level === parent.level);
  if (above?.isLeaf) throw refusal("PARENT_IS_LEAF", path, "is of a level that has nothing below it");
  if (parent.level !== level - 1)
    throw refusal("PARENT_LEVEL_WRONG", path, `must be of the level ${nameOf(tree, level - 1)}`);
  refuseFull(tree, parent, above, except);
}

function refuseFull(tree: Tree, parent: TreeNode, level: HierarchyLevel | undefined, except: string | undefined): void {
  const maximum = level?.maxChildren ?? null;
  if (maximum === null) return;
  const others = childrenOf(tree, parent.id).filter((child) => child.id !== except);
  if (others.length >= maximum)
    throw new AppError("MAX_CHILDREN", `${parent.id} has ${others.length} children; its level allows ${maximum}.`);
}

function nameOf(tree: Tree, level: number): string {
  return tree.levels.find((each) => each.level === level)?.levelCode ?? String(level);
}

function refusal(code: string, path: string, problem: string): AppError {
  return new AppError(code, `${path.slice(1)} ${problem}.`, { fields: [{ path, problem }] });
}
