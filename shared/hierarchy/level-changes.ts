import { Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type Answer, type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { defaultLevels, type HierarchyLevel } from "./default-levels.ts";
import { invalidField } from "./entity.ts";
import { currentTree } from "./hierarchy-store.ts";
import {
  type LevelAnswer,
  type LevelList,
  type LevelRequest,
  type LevelUpdate,
  levelAnswer,
  levelList,
  levelNumbered,
  levelOfPath,
} from "./level.ts";
import { checkedMetadataSchema } from "./metadata-schema.ts";
import { changeStructure, type OnStructure, type StructurePorts } from "./structure-change.ts";
import type { Draft } from "./structure-draft.ts";
import { childrenOf, type Tree } from "./tree.ts";

export const LevelsQuery = strictObject({ include_inactive: Type.Boolean({ default: false }) });

/** The organization's levels from the top down. */
export async function listLevels(
  { org, includeInactive }: { org: OrgIdentity; includeInactive: boolean },
  documents: Documents,
): Promise<LevelList> {
  const { levels } = await currentTree(org, documents);
  return levelList(
    org.slug,
    levels.filter((level) => level.isActive || includeInactive),
  );
}

/** Throws `LEVEL_NOT_FOUND`. */
export async function levelNamed(
  { org, level }: { org: OrgIdentity; level: string },
  documents: Documents,
): Promise<LevelAnswer> {
  const { levels } = await currentTree(org, documents);
  return levelAnswer(levelNumbered(levels, levelOfPath(level)));
}

/** Adds the next deeper level; the former deepest stops being a leaf. Throws `LEVEL_EXISTS`, `INVALID_BODY`. */
export function createLevel(
  asked: OnStructure & { request: LevelRequest },
  effects: Effects<LevelAnswer>,
  given: StructurePorts,
): Promise<Answer<LevelAnswer>> {
  const { request } = asked;
  checkedMetadataSchema(request.metadata_schema);
  return changeStructure(asked, effects, given, {
    operation: "hierarchy_level.created",
    reads: () => [],
    write: (draft) => {
      const levels = draft.levels();
      if (levels.some(({ level }) => level === request.level))
        throw new AppError("LEVEL_EXISTS", `There is a level ${request.level} already.`);
      if (request.level !== levels.length + 1)
        throw invalidField("/level", `must be ${levels.length + 1}: levels follow each other without a gap`);
      const made = written(blankLevel(request), { is_leaf: true, ...request }, levels);
      draft.setLevels([...levels.map((level) => ({ ...level, isLeaf: false })), made]);
      const details = { level: made.level, level_code: made.levelCode };
      return { answer: levelAnswer(made), details: { resourceId: made.levelCode, details } };
    },
  });
}

function blankLevel(request: LevelRequest): HierarchyLevel {
  return {
    level: request.level,
    levelCode: request.level_code,
    levelName: request.level_name,
    levelNamePlural: request.level_name_plural,
    parentLevel: request.level === 1 ? null : request.level - 1,
    isRequired: true,
    isLeaf: true,
    maxChildren: null,
    idPrefix: null,
    idAutoGenerate: true,
    metadataSchema: null,
    displayOrder: request.level,
    icon: null,
    color: null,
    isActive: true,
  };
}

/** The level with what the request says of it. Throws `LEVEL_EXISTS` for another level's code, `INVALID_BODY`. */
function written(before: HierarchyLevel, request: LevelUpdate, levels: readonly HierarchyLevel[]): HierarchyLevel {
  const code = request.level_code ?? before.levelCode;
  if (levels.some((other) => other.level !== before.level && other.levelCode === code))
    throw new AppError("LEVEL_EXISTS", `Another level has the code ${code}.`);
  if (request.parent_level !== undefined && request.parent_level !== before.parentLevel)
    throw invalidField("/parent_level", `must be ${before.parentLevel}: the level above`);
  return {
    ...before,
    levelCode: code,
    levelName: request.level_name ?? before.levelName,
    levelNamePlural: request.level_name_plural ?? before.levelNamePlural,
    isRequired: request.is_required ?? before.isRequired,
    isLeaf: request.is_leaf ?? before.isLeaf,
    maxChildren: request.max_children === undefined ? before.maxChildren : request.max_children,
    idPrefix: request.id_prefix === undefined ? before.idPrefix : request.id_prefix,
    idAutoGenerate: request.id_auto_generate ?? before.idAutoGenerate,
    metadataSchema: request.metadata_schema === undefined ? before.metadataSchema : request.metadata_schema,
    displayOrder: request.display_order ?? before.displayOrder,
    icon: request.icon === undefined ? before.icon : request.icon,
    color: request.color === undefined ? before.color : request.color,
    isActive: request.is_active ?? before.isActive,
  };
}

interface OnLevel extends OnStructure {
  /** As it stands in the address. */
  level: string;
}

/**
 * Changes a level. Its entities stay whatever its code becomes; a `max_children` below what is in use refuses the next
 * one only. Throws `LEVEL_NOT_FOUND`, `LEVEL_EXISTS`, `LEVEL_IN_USE`, `INVALID_BODY`.
 */
export function updateLevel(
  asked: OnLevel & { request: LevelUpdate },
  effects: Effects<LevelAnswer>,
  given: StructurePorts,
): Promise<Answer<LevelAnswer>> {
  const { request } = asked;
  const number = levelOfPath(asked.level);
  checkedMetadataSchema(request.metadata_schema);
  return changeStructure(asked, effects, given, {
    operation: "hierarchy_level.updated",
    reads: () => [],
    write: (draft) => {
      const levels = draft.levels();
      const before = levelNumbered(levels, number);
      const next = written(before, request, levels);
      refuseLevel(next, levels, draft.before);
      draft.setLevels(levels.map((level) => (level.level === number ? next : level)));
      if (next.levelCode !== before.levelCode) draft.setCounter(next.levelCode, draft.counter(before.levelCode));
      const details = { old: levelAnswer(before), new: levelAnswer(next) };
      return { answer: levelAnswer(next), details: { resourceId: next.levelCode, details } };
    },
  });
}

function refuseLevel(level: HierarchyLevel, levels: readonly HierarchyLevel[], tree: Tree): void {
  const own = entitiesOf(tree, level.level);
  if (level.isLeaf && own.some(({ id }) => childrenOf(tree, id).length > 0))
    throw new AppError("LEVEL_IN_USE", `Entities of the level ${level.levelCode} have children: it is no leaf.`);
  if (level.isLeaf && level.level !== levels.length)
    throw invalidField("/is_leaf", "may be true at the deepest level only");
  if (!level.isActive && own.length > 0)
    throw new AppError("LEVEL_IN_USE", `The level ${level.levelCode} has ${own.length} active entities.`);
}

/** Removes the deepest level. Throws `LEVEL_NOT_FOUND`, `LEVEL_IN_USE`. */
export function deleteLevel(asked: OnLevel, effects: Effects<null>, given: StructurePorts): Promise<Answer<null>> {
  const number = levelOfPath(asked.level);
  return changeStructure<null>(asked, effects, given, {
    operation: "hierarchy_level.deleted",
    reads: () => [],
    write: (draft) => {
      const levels = draft.levels();
      const level = levelNumbered(levels, number);
      const count = entitiesOf(draft.before, number).length;
      if (number !== levels.length || count > 0) {
        const reason = count > 0 ? `has ${count} active entities` : "is not the deepest";
        throw new AppError("LEVEL_IN_USE", `The level ${level.levelCode} ${reason}.`);
      }
      draft.setLevels(levels.filter((each) => each.level !== number));
      return { answer: new Reply(204, null), details: { resourceId: level.levelCode } };
    },
  });
}

function entitiesOf(tree: Tree, level: number): { id: string }[] {
  return [...tree.nodes.values()].filter((node) => node.level === level);
}

/** Makes those of the default levels that are missing and changes none that exists. Throws `LEVEL_IN_USE`. */
export async function seedLevels(
  asked: OnStructure,
  effects: Effects<LevelList>,
  given: StructurePorts,
): Promise<Answer<LevelList>> {
  const defaults = await defaultLevels();
  return changeStructure(asked, effects, given, {
    operation: "hierarchy_level.seeded",
    reads: () => [],
    write: (draft) => {
      const levels = seeded(draft, defaults);
      draft.setLevels(levels);
      const made = levels.length - draft.before.levels.length;
      return { answer: levelList(asked.org.slug, levels), details: { resourceId: "levels", details: { made } } };
    },
  });
}

function seeded(draft: Draft, defaults: readonly HierarchyLevel[]): HierarchyLevel[] {
  const levels = [...draft.levels()];
  const known = new Set(defaults.map(({ levelCode }) => levelCode));
  const others = levels.filter(
    (level) => !known.has(level.levelCode) && entitiesOf(draft.before, level.level).length > 0,
  );
  if (others.length > 0)
    throw new AppError("LEVEL_IN_USE", `There are entities of other levels: ${others[0]?.levelCode}.`);
  const missing = defaults
    .slice(levels.length)
    .filter((level) => !levels.some((each) => each.levelCode === level.levelCode));
  if (missing.length === 0) return levels;
  const all = [...levels, ...missing];
  return all.map((level, at) => ({ ...level, isLeaf: at === all.length - 1 && level.isLeaf }));
}
