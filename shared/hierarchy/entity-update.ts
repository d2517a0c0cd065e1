import type { Answer, Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { describedBy, type EntityAnswer, type EntityDocument, type EntityUpdate, type MoveRequest } from "./entity.ts";
import { draftedAnswer, refuseForeignOwner } from "./entity-answer.ts";
import { ended, restored } from "./entity-end.ts";
import { refuseMetadata } from "./metadata-schema.ts";
import { parentFor } from "./placement.ts";
import type { ReferenceKind } from "./references.ts";
import { changeStructure, type Look, type OnStructure, type StructurePorts } from "./structure-change.ts";
import type { Draft } from "./structure-draft.ts";
import { childrenOf, entityIdOf, entityNotFound, type Tree } from "./tree.ts";

export interface OnEntity extends OnStructure {
  entityId: string;
  kinds: readonly ReferenceKind[];
}

/** The id in an address as stored. Throws `ENTITY_NOT_FOUND` for what can be none. */
export function addressedId(text: string): string {
  const id = entityIdOf(text);
  if (id === undefined) throw entityNotFound();
  return id;
}

/**
 * Writes what an entity says about itself; `is_active: false` ends it as a delete without force would, `true` restores it.
 * Throws `ENTITY_NOT_FOUND`, `VERSION_CONFLICT`, `ENTITY_IN_USE`, those of `parentFor`, `INVALID_BODY`.
 */
export function updateEntity(
  asked: OnEntity & { request: EntityUpdate },
  effects: Effects<EntityAnswer>,
  given: StructurePorts,
): Promise<Answer<EntityAnswer>> {
  const { request } = asked;
  const id = addressedId(asked.entityId);
  const isEnd = request.is_active === false;
  return changeStructure(asked, effects, given, {
    operation: "entity.updated",
    owners: [request.owner_id],
    kinds: isEnd ? asked.kinds : [],
    reads: (tree, look) => withParent(id, { tree, look }),
    write: (draft) => {
      const before = standing(draft, id, request.expected_version);
      const next = updated(before, request, draft);
      if (JSON.stringify(next) !== JSON.stringify(before))
        draft.put({ ...next, updatedAt: draft.now, updatedBy: draft.by });
      const answer = draftedAnswer(draft, id);
      return { answer, details: { resourceId: id, details: { old: before, new: next } } };
    },
  });
}

/** An entity with the parent that it would come back under: the one given, else, where it has ended, its own. */
export async function withParent(
  id: string,
  { tree, look, given }: { tree: Tree; look: Look; given?: string | null | undefined },
): Promise<string[]> {
  if (given == null && tree.nodes.has(id)) return [id];
  const parentId = given ?? (await look([id])).get(id)?.body?.parentId ?? null;
  return parentId === null ? [id] : [id, entityIdOf(parentId) ?? id];
}

function updated(before: EntityDocument, request: EntityUpdate, draft: Draft): EntityDocument {
  const { is_active: isActive, expected_version: _expected, ...description } = request;
  const described = describedBy(description, before);
  if (request.owner_id !== undefined) refuseForeignOwner(request.owner_id, draft.members);
  if (request.metadata !== undefined)
    refuseMetadata(
      draft.levels().find(({ level }) => level === before.level),
      described.metadata,
    );
  if (isActive === false && before.isActive) return ended(described, draft);
  if (isActive === true && !before.isActive) return restored(described, undefined, draft);
  return described;
}

/** The stored entity, if it has the version that the caller has seen. Throws `ENTITY_NOT_FOUND`, `VERSION_CONFLICT`. */
export function standing(draft: Draft, id: string, expected: number | undefined): EntityDocument {
  const { body, version } = draft.entity(id);
  if (body === undefined) throw entityNotFound();
  if (expected !== undefined && expected !== version)
    throw new AppError("VERSION_CONFLICT", `The entity has version ${version}, not ${expected}.`, {
      extra: { version },
    });
  return body;
}

/**
 * Puts an entity, with all below it, under another parent: its own document changes and nothing else. Under the same
 * parent nothing changes. Throws `ENTITY_NOT_FOUND`, `VERSION_CONFLICT` and those of `parentFor`.
 */
export function moveEntity(
  asked: OnEntity & { request: MoveRequest },
  effects: Effects<EntityAnswer>,
  given: StructurePorts,
): Promise<Answer<EntityAnswer>> {
  const { request } = asked;
  const id = addressedId(asked.entityId);
  return changeStructure(asked, effects, given, {
    operation: "entity.moved",
    reads: () => [id, ...(request.new_parent_id === null ? [] : [entityIdOf(request.new_parent_id) ?? id])],
    write: (draft) => {
      const before = standing(draft, id, request.expected_version);
      if (!before.isActive) throw entityNotFound();
      const parentId = parentFor(draft.before, {
        level: before.level,
        parentId: request.new_parent_id,
        except: id,
        path: "/new_parent_id",
      });
      if (parentId !== before.parentId) draft.put({ ...before, parentId, updatedAt: draft.now, updatedBy: draft.by });
      const details = {
        old_parent_id: before.parentId,
        new_parent_id: parentId,
        children: childrenOf(draft.before, id).length,
      };
      return { answer: draftedAnswer(draft, id), details: { resourceId: id, details } };
    },
  });
}
