import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { nullable, paging, plainText, strictObject } from "#shared/runtime/schema.ts";
import { EntityAnswer, nodeOf } from "./entity.ts";
import { entityAnswers, type Versioned } from "./entity-answer.ts";
import { allEntities, currentTree, entitiesNamed } from "./hierarchy-store.ts";
import { levelCoded } from "./level.ts";
import {
  childrenOf,
  compareText,
  descendantsOf,
  entityIdOf,
  entityNotFound,
  lineOf,
  nodeNamed,
  type Tree,
  type TreeNode,
} from "./tree.ts";

const optional = Type.Optional;
const entityParameter = optional(Type.String({ minLength: 1, maxLength: 50 }));

export const EntitiesQuery = strictObject({
  level_code: optional(Type.String({ minLength: 1, maxLength: 30 })),
  parent_id: entityParameter,
  owner_id: optional(Type.String({ minLength: 1, maxLength: 50 })),
  q: optional(plainText(1, 200)),
  include_inactive: Type.Boolean({ default: false }),
  ...paging(),
});
export type EntitiesQuery = Static<typeof EntitiesQuery>;

export const EntityList = strictObject({
  org_slug: Type.String(),
  entities: Type.Array(EntityAnswer),
  total: Type.Integer(),
  next_cursor: nullable(Type.String()),
});
export type EntityList = Static<typeof EntityList>;

export const ChildList = strictObject({
  org_slug: Type.String(),
  entity_id: Type.String(),
  children: Type.Array(EntityAnswer),
  total: Type.Integer(),
});
export type ChildList = Static<typeof ChildList>;

export const AncestorList = strictObject({
  org_slug: Type.String(),
  entity_id: Type.String(),
  ancestors: Type.Array(EntityAnswer),
});
export type AncestorList = Static<typeof AncestorList>;

export const DescendantsQuery = strictObject({
  level_code: optional(Type.String({ minLength: 1, maxLength: 30 })),
  ...paging(),
});
export type DescendantsQuery = Static<typeof DescendantsQuery>;

export const DescendantList = strictObject({
  org_slug: Type.String(),
  entity_id: Type.String(),
  descendants: Type.Array(EntityAnswer),
  total: Type.Integer(),
  next_cursor: nullable(Type.String()),
});
export type DescendantList = Static<typeof DescendantList>;

interface Asked {
  org: OrgIdentity;
  entityId: string;
}

/** One entity, deleted ones too, by its id in any case. Throws `ENTITY_NOT_FOUND`. */
export async function entityNamed({ org, entityId }: Asked, documents: Documents): Promise<EntityAnswer> {
  const id = entityIdOf(entityId);
  if (id === undefined) throw entityNotFound();
  const tree = await currentTree(org, documents);
  const found = (await entitiesNamed(org, [id], documents)).get(id);
  if (found?.body === undefined) throw entityNotFound();
  const [answer] = await entityAnswers([{ body: found.body, version: found.version }], { org, tree }, documents);
  if (answer === undefined) throw entityNotFound();
  return answer;
}

/** The entities that the query chooses, in tree order. Throws `INVALID_PARAMETER`, `INVALID_CURSOR`. */
export async function listEntities(org: OrgIdentity, query: EntitiesQuery, documents: Documents): Promise<EntityList> {
  const tree = await currentTree(org, documents);
  const isChosen = chosen(tree, query);
  const inactive = query.include_inactive ? await inactiveEntities(org, tree, documents) : [];
  const active = descendantsOf(tree, null).filter(isChosen);
  const gone = inactive.filter(({ body }) => isChosen(nodeOf(body)));
  const ids = [...active.map(({ id }) => id), ...gone.map(({ body }) => body.entityId)];
  const { page, next } = pageOf(ids, query);
  const known = new Map<string, Versioned>(gone.map((each) => [each.body.entityId, each]));
  const entities = await answersOf(page, { org, tree, known }, documents);
  return { org_slug: org.slug, entities, total: ids.length, next_cursor: next };
}

function chosen(tree: Tree, query: EntitiesQuery): (node: TreeNode) => boolean {
  const at = { code: "INVALID_PARAMETER" as const, path: "/level_code" };
  const level = query.level_code === undefined ? undefined : levelCoded(tree.levels, query.level_code, at).level;
  const parentId = query.parent_id === undefined ? undefined : (entityIdOf(query.parent_id) ?? "");
  const text = query.q?.normalize("NFC").toLowerCase();
  return (node) =>
    (level === undefined || node.level === level) &&
    (parentId === undefined || node.parentId === parentId) &&
    (query.owner_id === undefined || node.ownerId === query.owner_id) &&
    (text === undefined || node.name.toLowerCase().includes(text));
}

/** Deleted entities behind the active ones, by level, name and id. */
async function inactiveEntities(org: OrgIdentity, tree: Tree, documents: Documents): Promise<Versioned[]> {
  const gone = (await allEntities(org, documents)).filter(({ body }) => !tree.nodes.has(body.entityId));
  return gone.sort(
    ({ body: a }, { body: b }) =>
      a.level - b.level || compareText(a.entityName, b.entityName) || compareText(a.entityId, b.entityId),
  );
}

async function answersOf(
  ids: readonly string[],
  at: { org: OrgIdentity; tree: Tree; known?: ReadonlyMap<string, Versioned> },
  documents: Documents,
): Promise<EntityAnswer[]> {
  const { org, tree, known } = at;
  const read = await entitiesNamed(
    org,
    ids.filter((id) => !known?.has(id)),
    documents,
  );
  const entities = ids.flatMap((id): Versioned[] => {
    const found = known?.get(id) ?? read.get(id);
    return found?.body === undefined ? [] : [{ body: found.body, version: found.version }];
  });
  return entityAnswers(entities, { org, tree }, documents);
}

/** The entities one level below. Throws `ENTITY_NOT_FOUND`. */
export async function childrenNamed({ org, entityId }: Asked, documents: Documents): Promise<ChildList> {
  const tree = await currentTree(org, documents);
  const { id } = nodeNamed(tree, entityId);
  const ids = childrenOf(tree, id).map((child) => child.id);
  const children = await answersOf(ids, { org, tree }, documents);
  return { org_slug: org.slug, entity_id: id, children, total: children.length };
}

/** The entities above, the root first. Throws `ENTITY_NOT_FOUND`. */
export async function ancestorsNamed({ org, entityId }: Asked, documents: Documents): Promise<AncestorList> {
  const tree = await currentTree(org, documents);
  const { id } = nodeNamed(tree, entityId);
  const line = lineOf(tree, id).slice(0, -1);
  const ancestors = await answersOf(
    line.map((node) => node.id),
    { org, tree },
    documents,
  );
  return { org_slug: org.slug, entity_id: id, ancestors };
}

/** Everything below, in tree order. Throws `ENTITY_NOT_FOUND`, `INVALID_PARAMETER`, `INVALID_CURSOR`. */
export async function descendantsNamed(
  { org, entityId, query }: Asked & { query: DescendantsQuery },
  documents: Documents,
): Promise<DescendantList> {
  const tree = await currentTree(org, documents);
  const { id } = nodeNamed(tree, entityId);
  const at = { code: "INVALID_PARAMETER" as const, path: "/level_code" };
  const level = query.level_code === undefined ? undefined : levelCoded(tree.levels, query.level_code, at).level;
  const below = descendantsOf(tree, id).filter((node) => level === undefined || node.level === level);
  const { page, next } = pageOf(
    below.map((node) => node.id),
    query,
  );
  const descendants = await answersOf(page, { org, tree }, documents);
  return { org_slug: org.slug, entity_id: id, descendants, total: below.length, next_cursor: next };
}

/** The cursor names the last entity of the page before; where that one has gone since, the list begins anew with 400. */
export function pageOf(
  ids: readonly string[],
  { limit, cursor }: { limit: number; cursor?: string },
): { page: string[]; next: string | null } {
  const after = cursor === undefined ? -1 : ids.indexOf(Buffer.from(cursor, "base64url").toString());
  if (cursor !== undefined && after === -1)
    throw new AppError("INVALID_CURSOR", "The cursor is not one of this list.", {
      fields: [{ path: "/cursor", problem: "is not one of this list" }],
    });
  const page = ids.slice(after + 1, after + 1 + limit);
  const last = page.at(-1);
  const hasMore = after + 1 + limit < ids.length;
  return { page, next: hasMore && last !== undefined ? Buffer.from(last).toString("base64url") : null };
}
