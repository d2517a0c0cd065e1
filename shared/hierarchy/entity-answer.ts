import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type EffectiveOwner, type EntityAnswer, type EntityDocument, invalidField } from "./entity.ts";
import { entitiesNamed } from "./hierarchy-store.ts";
import { readMembers } from "./structure-change.ts";
import type { Draft } from "./structure-draft.ts";
import { childrenOf, lineOf, type Tree, type TreeNode } from "./tree.ts";

/** What answers about entities are made of beside the entities. */
interface Around {
  org: OrgIdentity;
  tree: Tree;
  /** Documents of the entities that are named as owned on the way up. */
  owned(id: string): EntityDocument | undefined;
  members: ReadonlySet<string>;
}

/** An entity with the document version it has. */
export interface Versioned {
  body: EntityDocument;
  version: number;
}

export function entityAnswer({ body: entity, version }: Versioned, around: Around): EntityAnswer {
  const { org, tree, members } = around;
  const above = entity.parentId === null ? [] : lineOf(tree, entity.parentId);
  const ids = [...above.map((node) => node.id), entity.entityId];
  const level = tree.levels.find((each) => each.level === entity.level);
  return {
    id: `${org.slug}:${entity.entityId}`,
    org_slug: org.slug,
    entity_id: entity.entityId,
    entity_name: entity.entityName,
    level: entity.level,
    level_code: level?.levelCode ?? String(entity.level),
    level_name: level?.levelName ?? String(entity.level),
    parent_id: entity.parentId,
    path: ids.map((id) => `/${id}`).join(""),
    path_ids: ids,
    path_names: [...above.map((node) => node.name), entity.entityName],
    depth: entity.level - 1,
    children_count: entity.isActive ? childrenOf(tree, entity.entityId).length : 0,
    owner_id: entity.ownerId,
    owner_name: entity.ownerName,
    owner_email: entity.ownerEmail,
    description: entity.description,
    metadata: entity.metadata,
    sort_order: entity.sortOrder,
    is_active: entity.isActive,
    end_date: entity.endDate,
    version,
    created_at: entity.createdAt,
    created_by: entity.createdBy,
    updated_at: entity.updatedAt,
    updated_by: entity.updatedBy,
    effective_owner: effectiveOwner(entity, above, around),
    owner_departed: entity.ownerId !== null && !members.has(entity.ownerId),
  };
}

/** The nearest owner on the way up receives what concerns an entity without one. */
function effectiveOwner(entity: EntityDocument, above: readonly TreeNode[], { owned }: Around): EffectiveOwner | null {
  if (isOwned(entity)) return ownerOf(entity);
  const nearest = nearestOwned(above);
  const document = nearest === undefined ? undefined : owned(nearest.id);
  return document === undefined ? null : ownerOf(document);
}

/** Of a line from the root down, the last that names an owner. */
export function nearestOwned(line: readonly TreeNode[]): TreeNode | undefined {
  return line.findLast((node) => node.isOwned);
}

export function ownerOf(entity: EntityDocument): EffectiveOwner {
  const { entityId, ownerId, ownerName, ownerEmail } = entity;
  return { entity_id: entityId, owner_id: ownerId, owner_name: ownerName, owner_email: ownerEmail };
}

function isOwned({ ownerId, ownerName, ownerEmail }: EntityDocument): boolean {
  return ownerId !== null || ownerName !== null || ownerEmail !== null;
}

/** The answer about an entity that a change has just written. */
export function draftedAnswer(draft: Draft, id: string): EntityAnswer {
  const { body, version } = draft.entity(id);
  if (body === undefined) throw new Error(`the entity ${id} was not written`);
  const owned = (other: string): EntityDocument | undefined => draft.entity(other).body;
  return entityAnswer({ body, version }, { org: draft.org, tree: draft.after(), owned, members: draft.members });
}

/** Throws `INVALID_BODY` for an owner who is no member. */
export function refuseForeignOwner(ownerId: string | null | undefined, members: ReadonlySet<string>): void {
  if (ownerId != null && !members.has(ownerId)) throw invalidField("/owner_id", "is no member of the organization");
}

/** Answers about stored entities, with their owners looked up in as few reads as there are owners. */
export async function entityAnswers(
  entities: readonly Versioned[],
  at: { org: OrgIdentity; tree: Tree },
  documents: Documents,
): Promise<EntityAnswer[]> {
  const { org, tree } = at;
  const needed = entities.flatMap(({ body }) => {
    const nearest = isOwned(body) || body.parentId === null ? undefined : nearestOwned(lineOf(tree, body.parentId));
    return nearest === undefined ? [] : [nearest.id];
  });
  const owners = await entitiesNamed(org, needed, documents);
  const members = await readMembers(
    org,
    entities.map(({ body }) => body.ownerId),
    documents,
  );
  const owned = (id: string): EntityDocument | undefined => owners.get(id)?.body;
  return entities.map((entity) => entityAnswer(entity, { org, tree, owned, members }));
}
