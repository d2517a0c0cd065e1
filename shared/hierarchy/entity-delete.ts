import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type Answer, type Effects, Reply } from "#shared/runtime/declaration.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import type { EntityAnswer, RestoreRequest } from "./entity.ts";
import { draftedAnswer } from "./entity-answer.ts";
import { asEnded, type Blocking, blockingOf, ended, restored } from "./entity-end.ts";
import { addressedId, type OnEntity, standing, withParent } from "./entity-update.ts";
import { currentTree } from "./hierarchy-store.ts";
import { blockingKinds, type Reference, type ReferenceKind } from "./references.ts";
import { changeStructure, type StructurePorts } from "./structure-change.ts";
import type { Draft } from "./structure-draft.ts";
import { descendantsOf, nodeNamed, referredEntity } from "./tree.ts";
import { codeOf } from "./tree-read.ts";

export const DeleteQuery = strictObject({
  force: Type.Boolean({ default: false }),
  reassign_to: Type.Optional(Type.String({ minLength: 1, maxLength: 50 })),
});
export type DeleteQuery = Static<typeof DeleteQuery>;

const BlockingEntity = strictObject({ kind: choice(blockingKinds), id: Type.String(), name: Type.String() });

export const CanDelete = strictObject({
  entity_id: Type.String(),
  level_code: Type.String(),
  blocked: Type.Boolean(),
  reason: nullable(Type.String()),
  blocking_entities: Type.Array(BlockingEntity),
  force_effects: strictObject({
    entities_ended: Type.Array(Type.String(), { description: "The entity and all below it" }),
    references_ended: Type.Array(BlockingEntity, { description: "Without reassign_to; with it they move" }),
  }),
});
export type CanDelete = Static<typeof CanDelete>;

/**
 * Ends an entity; with `force` the whole subtree in one transaction. References move to `reassign_to`, or stop applying.
 * Ending what has ended is no error. Throws `ENTITY_NOT_FOUND`, `ENTITY_IN_USE`, `HIERARCHY_ENTITY_UNKNOWN`.
 */
export function deleteEntity(
  asked: OnEntity & { query: DeleteQuery },
  effects: Effects<null>,
  given: StructurePorts,
): Promise<Answer<null>> {
  const { query } = asked;
  const id = addressedId(asked.entityId);
  return changeStructure<null>(asked, effects, given, {
    operation: "entity.deleted",
    kinds: asked.kinds,
    reads: (tree) => [id, ...(query.force ? descendantsOf(tree, id).map((node) => node.id) : [])],
    write: (draft) => {
      const entity = standing(draft, id, undefined);
      const answer = new Reply(204, null);
      if (!entity.isActive) return { answer, details: { resourceId: id } };
      if (!query.force) {
        draft.put(ended(entity, draft));
        return { answer, details: { resourceId: id, details: { entities: [id], references: [] } } };
      }
      return { answer, details: { resourceId: id, details: endSubtree(id, query.reassign_to, draft) } };
    },
  });
}

/** Answers what the audit row says: the ended entities, and every reference with where it went. */
function endSubtree(id: string, reassignTo: string | undefined, draft: Draft): Record<string, unknown> {
  const ids = new Set([id, ...descendantsOf(draft.before, id).map((node) => node.id)]);
  const to = reassignTo === undefined ? null : targetOf(reassignTo, ids, draft);
  for (const each of ids) draft.put(asEnded(standing(draft, each, undefined), draft));
  const references = referencesTo(ids, draft.references);
  if (to !== null && references.length > 0) draft.moveReferences(ids, to);
  return { entities: [...ids], reassigned_to: to, references };
}

function targetOf(text: string, ids: ReadonlySet<string>, draft: Draft): string {
  const target = referredEntity(draft.before, text, "/reassign_to");
  // What ends with the entity can take nothing over.
  if (ids.has(target.id)) return referredEntity({ ...draft.before, nodes: new Map() }, text, "/reassign_to").id;
  return target.id;
}

function referencesTo(ids: ReadonlySet<string>, references: readonly Reference[]): Reference[] {
  return references.filter(({ entityId }) => ids.has(entityId));
}

/**
 * An ended entity is active again under its id; references that were moved stay moved. Restoring an active one changes
 * nothing. Throws `ENTITY_NOT_FOUND` and those of `parentFor`.
 */
export function restoreEntity(
  asked: OnEntity & { request: RestoreRequest },
  effects: Effects<EntityAnswer>,
  given: StructurePorts,
): Promise<Answer<EntityAnswer>> {
  const { request } = asked;
  const id = addressedId(asked.entityId);
  return changeStructure(asked, effects, given, {
    operation: "entity.restored",
    reads: (tree, look) => withParent(id, { tree, look, given: request.parent_id }),
    write: (draft) => {
      const entity = standing(draft, id, undefined);
      if (!entity.isActive) draft.put(restored(entity, request.parent_id, draft));
      const answer = draftedAnswer(draft, id);
      return { answer, details: { resourceId: id, details: { parent_id: answer.parent_id } } };
    },
  });
}

/** What stands in the way of an entity's end, and what force would do. Throws `ENTITY_NOT_FOUND`. */
export async function canDelete(
  asked: { org: OrgIdentity; entityId: string; kinds: readonly ReferenceKind[] },
  documents: Documents,
): Promise<CanDelete> {
  const tree = await currentTree(asked.org, documents);
  const node = nodeNamed(tree, asked.entityId);
  const references = await documents.transaction(async (tx) => {
    const kinds = await Promise.all(asked.kinds.map((kind) => kind.read(asked.org, tx)));
    return kinds.flatMap((kind) => kind.references);
  });
  const blocking = blockingOf(node.id, tree, references);
  const ids = new Set([node.id, ...descendantsOf(tree, node.id).map(({ id }) => id)]);
  return {
    entity_id: node.id,
    level_code: codeOf(tree, node.level),
    blocked: blocking.length > 0,
    reason: blocking.length === 0 ? null : reasonOf(blocking),
    blocking_entities: blocking,
    force_effects: {
      entities_ended: [...ids],
      references_ended: referencesTo(ids, references).map(({ kind, id, name }) => ({ kind, id, name })),
    },
  };
}

function reasonOf(blocking: readonly Blocking[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of blocking) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return `in use: ${[...counts].map(([kind, count]) => `${count} ${kind}`).join(", ")}`;
}
