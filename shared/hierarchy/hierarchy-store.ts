import { LRUCache } from "lru-cache";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents, Found, Snapshot, Transaction } from "#shared/platform/documents/documents.ts";
import { allDocuments } from "#shared/platform/documents/pages.ts";
import { type HierarchyState, hierarchyStatePath } from "./default-levels.ts";
import type { EntityDocument } from "./entity.ts";
import { type Tree, type TreeNode, treeOf } from "./tree.ts";

type OrgKey = Pick<OrgIdentity, "key" | "orgId">;

/** Document `orgs/{key}/hierarchyShards/{0..7}`: active entities in short, by hash of the id. */
export interface HierarchyShard {
  nodes: Record<string, Omit<TreeNode, "id">>;
}

/** A cold read of a tree is its state and so many shards. */
const shardCount = 8;
const readAtOnce = 300;
const cachedTrees = 200;

export const emptyState: HierarchyState = { levels: [], counters: {}, entityCount: 0 };

export function entityPath(org: Pick<OrgIdentity, "key">, id: string): string {
  return `orgs/${org.key}/entities/${id}`;
}

export function entitiesCollection(org: Pick<OrgIdentity, "key">): string {
  return `orgs/${org.key}/entities`;
}

export function shardPath(org: Pick<OrgIdentity, "key">, shard: number): string {
  return `orgs/${org.key}/hierarchyShards/${shard}`;
}

/** FNV-1a: the shard of an id never changes. */
export function shardOf(id: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(id)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % shardCount;
}

/** Per document store, so that two platforms in one process never share a tree. */
const caches = new WeakMap<object, LRUCache<string, Tree>>();

/** The store a transaction belongs to, or the store itself: what trees are remembered by. */
interface Reader {
  store: object;
  tx: Pick<Transaction, "get" | "getAll">;
}

/**
 * The tree as it stands: one small get where its version is known, nine where it is not. The version is that of the state
 * document, which every change of the structure writes; so a remembered tree is exact, on every instance.
 */
export async function currentTree(org: OrgKey, documents: Documents): Promise<Tree> {
  const { version } = await documents.get<HierarchyState>(hierarchyStatePath(org));
  const known = cacheOf(documents).get(cacheKey(org, version));
  if (known !== undefined) return known;
  return documents.transaction(async (tx) => {
    const state = await tx.get<HierarchyState>(hierarchyStatePath(org));
    return treeAt(org, state, { store: documents, tx });
  });
}

/** The tree at the state that the same transaction has read. */
export async function treeAt(org: OrgKey, state: Snapshot<HierarchyState>, reader: Reader): Promise<Tree> {
  const cache = cacheOf(reader.store);
  const key = cacheKey(org, state.version);
  const known = cache.get(key);
  if (known !== undefined) return known;
  const paths = Array.from({ length: shardCount }, (_, shard) => shardPath(org, shard));
  const shards = await reader.tx.getAll<HierarchyShard>(paths);
  const nodes = shards.flatMap(({ body }) => Object.entries(body?.nodes ?? {}).map(([id, node]) => ({ id, ...node })));
  const tree = treeOf(state.version, state.body?.levels ?? [], nodes);
  cache.set(key, tree);
  return tree;
}

function cacheOf(store: object): LRUCache<string, Tree> {
  const cache = caches.get(store) ?? new LRUCache<string, Tree>({ max: cachedTrees });
  caches.set(store, cache);
  return cache;
}

function cacheKey(org: OrgKey, version: number): string {
  return `${org.key}|${org.orgId}|${version}`;
}

/** Entities by id, whatever their number; an id without document has none in the answer. */
export async function entitiesNamed(
  org: OrgKey,
  ids: Iterable<string>,
  from: Pick<Documents, "getAll"> | Pick<Transaction, "getAll">,
): Promise<Map<string, Snapshot<EntityDocument>>> {
  const unique = [...new Set(ids)];
  const found = new Map<string, Snapshot<EntityDocument>>();
  for (let at = 0; at < unique.length; at += readAtOnce) {
    const some = unique.slice(at, at + readAtOnce);
    const snapshots = await from.getAll<EntityDocument>(some.map((id) => entityPath(org, id)));
    for (const [index, snapshot] of snapshots.entries()) found.set(some[index] ?? "", snapshot);
  }
  return found;
}

/** Every entity there ever was, deleted ones too. */
export async function allEntities(org: OrgKey, documents: Pick<Documents, "list">): Promise<Found<EntityDocument>[]> {
  return allDocuments<EntityDocument>({ collection: entitiesCollection(org) }, documents);
}
