import { type Static, Type } from "@sinclair/typebox";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import type { EntityDocument } from "./entity.ts";
import type { CsvRow } from "./hierarchy-csv.ts";
import { type RowProblem, type WantedEntity, wantedOf } from "./import-rows.ts";
import type { Reference } from "./references.ts";
import { childrenOf, type Tree } from "./tree.ts";

const Change = strictObject({ field: Type.String(), old_value: Type.Unknown(), new_value: Type.Unknown() });
const Problem = strictObject({ row: Type.Integer(), field: Type.String(), problem: Type.String() });

export const ImportItem = strictObject({
  action: choice(["create", "update", "delete", "unchanged"]),
  entity_id: Type.String(),
  entity_name: Type.String(),
  level_code: Type.String(),
  changes: Type.Array(Change),
  validation_errors: Type.Array(Problem),
});
export type ImportItem = Static<typeof ImportItem>;
export const ImportProblem = Problem;

/** What a file would make of the structure. */
export interface ImportPlan {
  /** New ones, and deleted ones that come back. */
  creates: WantedEntity[];
  updates: WantedEntity[];
  deletes: EntityDocument[];
  unchanged: EntityDocument[];
  problems: RowProblem[];
}

export interface ImportAsked {
  rows: readonly CsvRow[];
  mode: "sync" | "merge";
  /** Entities that something refers to may be deleted: their references stop applying. */
  force: boolean;
}

interface Standing {
  tree: Tree;
  stored(id: string): EntityDocument | undefined;
  references: readonly Reference[];
  now: string;
  by: string;
}

/**
 * What the file changes, judged by the tree that would result and not row by row: a parent may stand later in the file.
 * `sync`: the file is the truth, absent entities end; `merge`: they stay. Source: hierarchy.md 1.4.
 */
export function importPlan(asked: ImportAsked, standing: Standing): ImportPlan {
  const problems: RowProblem[] = [];
  const wanted = new Map<string, WantedEntity>();
  for (const [at, cells] of asked.rows.entries()) {
    const row = at + 2;
    const found = wantedOf(cells, row, { ...standing, levels: standing.tree.levels });
    if ("problems" in found) problems.push(...found.problems);
    else if (wanted.has(found.wanted.entity.entityId))
      problems.push({ row, field: "entity_id", problem: "stands twice in the file" });
    else wanted.set(found.wanted.entity.entityId, found.wanted);
  }
  const ending = asked.mode === "sync" ? [...standing.tree.nodes.keys()].filter((id) => !wanted.has(id)) : [];
  const deletes = ending.flatMap((id) => standing.stored(id) ?? []);
  problems.push(...placeProblems(wanted, new Set(ending), standing.tree));
  if (!asked.force) problems.push(...referenceProblems(new Set(ending), standing.references));
  const all = [...wanted.values()];
  const isChanged = ({ entity, before }: WantedEntity): boolean => fieldChanges(before, entity).length > 0;
  const known = all.filter(({ before }) => before?.isActive === true);
  return {
    creates: all.filter(({ before }) => before?.isActive !== true),
    updates: known.filter(isChanged),
    deletes,
    unchanged: known.filter((each) => !isChanged(each)).map(({ entity }) => entity),
    problems: problems.sort((a, b) => a.row - b.row),
  };
}

function placeProblems(
  wanted: ReadonlyMap<string, WantedEntity>,
  ending: ReadonlySet<string>,
  tree: Tree,
): RowProblem[] {
  const levelOf = (id: string): number | undefined =>
    wanted.get(id)?.entity.level ?? (ending.has(id) ? undefined : tree.nodes.get(id)?.level);
  const children = childCounts(wanted, ending, tree);
  return [...wanted.values()].flatMap(({ row, entity }): RowProblem[] => {
    const { parentId } = entity;
    if (parentId === null) return [];
    const fail = (problem: string): RowProblem[] => [{ row, field: "parent_id", problem }];
    const level = levelOf(parentId);
    if (level === undefined) return fail("is neither in the file nor in the structure");
    if (level !== entity.level - 1) return fail("must be one level up");
    const rule = tree.levels.find((each) => each.level === level);
    if (rule?.isLeaf) return fail("is of a level that has nothing below it");
    const count = children.get(parentId) ?? 0;
    // What is above the limit already may stay; it must not grow.
    const isGrown = count > childrenOf(tree, parentId).length;
    const maximum = rule?.maxChildren ?? null;
    return maximum !== null && count > maximum && isGrown ? fail(`would have ${count} children of ${maximum}`) : [];
  });
}

function childCounts(
  wanted: ReadonlyMap<string, WantedEntity>,
  ending: ReadonlySet<string>,
  tree: Tree,
): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (parentId: string | null): void => {
    if (parentId !== null) counts.set(parentId, (counts.get(parentId) ?? 0) + 1);
  };
  for (const node of tree.nodes.values()) if (!wanted.has(node.id) && !ending.has(node.id)) add(node.parentId);
  for (const { entity } of wanted.values()) add(entity.parentId);
  return counts;
}

/** Row 0: what is absent from the file has no row in it. */
function referenceProblems(ending: ReadonlySet<string>, references: readonly Reference[]): RowProblem[] {
  return references
    .filter(({ entityId }) => ending.has(entityId))
    .map(({ kind, id, entityId }) => ({
      row: 0,
      field: "entity_id",
      problem: `${entityId} would be deleted and is named by ${kind} ${id}`,
    }));
}

const shownFields = [
  ["entity_name", "entityName"],
  ["parent_id", "parentId"],
  ["owner_name", "ownerName"],
  ["owner_email", "ownerEmail"],
  ["description", "description"],
  ["metadata", "metadata"],
  ["sort_order", "sortOrder"],
] as const satisfies readonly (readonly [string, keyof EntityDocument])[];

function fieldChanges(before: EntityDocument | undefined, after: EntityDocument): ImportItem["changes"] {
  return shownFields.flatMap(([field, name]) => {
    const [old, next] = [before?.[name] ?? null, after[name]];
    return comparable(old) === comparable(next) ? [] : [{ field, old_value: old, new_value: next }];
  });
}

/** Members of the metadata in another order are the same metadata. */
function comparable(value: unknown): string {
  const isObject = typeof value === "object" && value !== null;
  return JSON.stringify(isObject ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)) : value);
}

/** The items of one action as answers show them. */
export function importItems(
  action: ImportItem["action"],
  entities: readonly { entity: EntityDocument; before?: EntityDocument | undefined; row?: number }[],
  by: { tree: Tree; problems: readonly RowProblem[] },
): ImportItem[] {
  return entities.map(({ entity, before, row }) => ({
    action,
    entity_id: entity.entityId,
    entity_name: entity.entityName,
    level_code: by.tree.levels.find(({ level }) => level === entity.level)?.levelCode ?? String(entity.level),
    changes: action === "create" || action === "update" ? fieldChanges(before, entity) : [],
    validation_errors: row === undefined ? [] : by.problems.filter((problem) => problem.row === row),
  }));
}
