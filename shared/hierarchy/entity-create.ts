import type { Answer, Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { HierarchyLevel } from "./default-levels.ts";
import {
  describedBy,
  type EntityAnswer,
  type EntityDocument,
  type EntityRequest,
  entityNameOf,
  invalidField,
} from "./entity.ts";
import { draftedAnswer, refuseForeignOwner } from "./entity-answer.ts";
import { levelCoded } from "./level.ts";
import { refuseMetadata } from "./metadata-schema.ts";
import { parentFor } from "./placement.ts";
import { changeStructure, type Look, type OnStructure, type StructurePorts } from "./structure-change.ts";
import type { Draft } from "./structure-draft.ts";
import { entityIdOf, type Tree } from "./tree.ts";

/**
 * Makes an entity. Without an id it gets its level's prefix and the next free number. Throws `ENTITY_EXISTS`, those of
 * `parentFor`, `LIMIT_REACHED`, `INVALID_BODY`.
 */
export function createEntity(
  asked: OnStructure & { request: EntityRequest },
  effects: Effects<EntityAnswer>,
  given: StructurePorts,
): Promise<Answer<EntityAnswer>> {
  const { request } = asked;
  // Found while reading; a body that runs again finds it again.
  let made: { id: string; next: number | undefined } | undefined;
  return changeStructure(asked, effects, given, {
    operation: "entity.created",
    owners: [request.owner_id],
    reads: async (tree, look, state) => {
      made = await newId(tree, request, { look, counters: state.counters });
      const parent = request.parent_id == null ? undefined : entityIdOf(request.parent_id);
      return parent === undefined ? [made.id] : [made.id, parent];
    },
    write: (draft) => {
      if (made === undefined) throw new Error("an entity is written before its id is known");
      const level = levelCoded(draft.levels(), request.level_code);
      const entity = newEntity({ id: made.id, level, request }, draft);
      if (made.next !== undefined) draft.setCounter(level.levelCode, made.next);
      draft.put(entity);
      const answer = draftedAnswer(draft, entity.entityId);
      return { answer, details: { resourceId: entity.entityId, details: { new: answer } } };
    },
  });
}

function newEntity(
  { id, level, request }: { id: string; level: HierarchyLevel; request: EntityRequest },
  draft: Draft,
): EntityDocument {
  if (!level.isActive) throw invalidField("/level_code", "is not active");
  const { body: taken } = draft.entity(id);
  if (taken !== undefined) throw entityExists(id, taken.isActive);
  const parentId = parentFor(draft.before, { level: level.level, parentId: request.parent_id });
  const { entity_id: _id, level_code: _code, parent_id: _parent, ...description } = request;
  const entity = describedBy(description, blankEntity({ id, level: level.level, parentId }, draft));
  refuseForeignOwner(entity.ownerId, draft.members);
  refuseMetadata(level, entity.metadata);
  return entity;
}

/** An entity as it begins, before anything is said about it. */
export function blankEntity(
  { id, level, parentId }: { id: string; level: number; parentId: string | null },
  { now, by }: Pick<Draft, "now" | "by">,
): EntityDocument {
  return {
    entityId: id,
    entityName: entityNameOf(id),
    level,
    parentId,
    ownerId: null,
    ownerName: null,
    ownerEmail: null,
    description: null,
    metadata: null,
    sortOrder: 0,
    isActive: true,
    endDate: null,
    createdAt: now,
    createdBy: by,
    updatedAt: now,
    updatedBy: by,
  };
}

function entityExists(id: string, isActive: boolean): AppError {
  const message = isActive
    ? `The entity ${id} exists.`
    : `The entity ${id} exists and is deleted; restore it: an id is never given to another entity.`;
  return new AppError("ENTITY_EXISTS", message, { fields: [{ path: "/entity_id", problem: "is taken" }] });
}

async function newId(
  tree: Tree,
  request: EntityRequest,
  by: { look: Look; counters: Readonly<Record<string, number>> },
): Promise<{ id: string; next: number | undefined }> {
  const level = levelCoded(tree.levels, request.level_code);
  if (request.entity_id !== undefined) {
    const id = entityIdOf(request.entity_id);
    if (id === undefined) throw invalidField("/entity_id", "is reserved");
    return { id, next: undefined };
  }
  if (!level.idAutoGenerate) throw invalidField("/entity_id", `must be given at the level ${level.levelCode}`);
  return freeId(level, tree, { look: by.look, first: by.counters[level.levelCode] ?? 1 });
}

const triedAtOnce = 20;

/** The prefix and the next number that no entity, deleted ones included, has. */
async function freeId(
  level: HierarchyLevel,
  tree: Tree,
  { look, first }: { look: Look; first: number },
): Promise<{ id: string; next: number }> {
  const prefix = level.idPrefix ?? "";
  for (let from = first; ; from += triedAtOnce) {
    const numbers = Array.from({ length: triedAtOnce }, (_, at) => from + at);
    const ids = numbers.map((number) => `${prefix}${String(number).padStart(3, "0")}`);
    const open = ids.filter((id) => !tree.nodes.has(id));
    const found = open.length === 0 ? new Map() : await look(open);
    const id = open.find((each) => found.get(each)?.body === undefined);
    if (id !== undefined) return { id, next: from + ids.indexOf(id) + 1 };
  }
}
