import { AppError } from "#shared/runtime/errors.ts";
import type { EntityDocument } from "./entity.ts";
import { parentFor } from "./placement.ts";
import type { BlockingKind, Reference } from "./references.ts";
import type { Draft } from "./structure-draft.ts";
import { childrenOf, type Tree } from "./tree.ts";

/** What stands in the way of an entity's end. */
export interface Blocking {
  kind: BlockingKind;
  id: string;
  name: string;
}

/** Children and whatever names the entity, in a stable order. */
export function blockingOf(id: string, tree: Tree, references: readonly Reference[]): Blocking[] {
  const children = childrenOf(tree, id).map((child) => ({ kind: "child" as const, id: child.id, name: child.name }));
  const naming = references.filter((reference) => reference.entityId === id);
  return [...children, ...naming.map(({ kind, id: own, name }) => ({ kind, id: own, name }))];
}

/** The entity as it ends without force. Throws `ENTITY_IN_USE` with everything that stands in the way. */
export function ended(entity: EntityDocument, draft: Draft): EntityDocument {
  const blocking = blockingOf(entity.entityId, draft.before, draft.references);
  if (blocking.length > 0)
    throw new AppError("ENTITY_IN_USE", `The entity ${entity.entityId} is in use; see blocking_entities.`, {
      extra: { blocking_entities: blocking },
    });
  return asEnded(entity, draft);
}

export function asEnded(entity: EntityDocument, { now, by }: Draft): EntityDocument {
  return { ...entity, isActive: false, endDate: now, updatedAt: now, updatedBy: by };
}

/** The entity active again under the same id, at its old place or another. Throws those of `parentFor`. */
export function restored(entity: EntityDocument, parentId: string | null | undefined, draft: Draft): EntityDocument {
  const wanted = parentId === undefined ? entity.parentId : parentId;
  const parent = parentFor(draft.before, { level: entity.level, parentId: wanted, except: entity.entityId });
  return { ...entity, parentId: parent, isActive: true, endDate: null, updatedAt: draft.now, updatedBy: draft.by };
}
