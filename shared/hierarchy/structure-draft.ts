import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Snapshot } from "#shared/platform/documents/documents.ts";
import type { Ids } from "#shared/platform/ids.ts";
import type { Change } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { type HierarchyLevel, type HierarchyState, hierarchyStatePath } from "./default-levels.ts";
import { type EntityDocument, nodeOf } from "./entity.ts";
import { emptyState, entityPath, type HierarchyShard, shardOf, shardPath } from "./hierarchy-store.ts";
import { entityHistory, levelHistory, mirrorRow } from "./history-rows.ts";
import { type EntityChange, writeJournal } from "./journal.ts";
import type { Reference } from "./references.ts";
import type { StructureRead } from "./structure-change.ts";
import { type Tree, type TreeNode, treeOf } from "./tree.ts";

const maximumActive = 5_000;
const maximumEver = 20_000;

/** A change of the structure under construction. Entities must have been read to be put. */
export interface Draft {
  org: OrgIdentity;
  now: string;
  by: string;
  /** As it was before this change. */
  before: Tree;
  references: readonly Reference[];
  /** Ids of the read owners who are members. */
  members: ReadonlySet<string>;
  /** The entity as this change has left it so far, and the number of its next version. */
  entity(id: string): { body: EntityDocument | undefined; version: number };
  levels(): readonly HierarchyLevel[];
  counter(levelCode: string): number;
  put(entity: EntityDocument): void;
  setLevels(levels: HierarchyLevel[]): void;
  setCounter(levelCode: string, next: number): void;
  /** All references to the entities go to another one, or end. */
  moveReferences(ids: ReadonlySet<string>, to: string | null): void;
  /** With all that this change has done so far. */
  after(): Tree;
}

interface Making {
  org: OrgIdentity;
  by: string;
  now: Date;
  read: StructureRead;
  ids: Ids;
}

export function draftOf(making: Making): { draft: Draft; flush(operation: string, change: Change): boolean } {
  const { org, read } = making;
  const by = { datasetId: read.datasetId, ids: making.ids };
  const state: HierarchyState = structuredClone(read.state.body ?? emptyState);
  const put = new Map<string, EntityDocument>();
  const moves: ((change: Change) => void)[] = [];
  const stored = (id: string): Snapshot<EntityDocument> => {
    const snapshot = read.entities.get(id);
    if (snapshot === undefined) throw new Error(`the entity ${id} was not read`);
    return snapshot;
  };
  const draft: Draft = {
    org,
    now: making.now.toISOString(),
    by: making.by,
    before: read.tree,
    references: read.references,
    members: read.members,
    entity: (id) => ({ body: put.get(id) ?? stored(id).body, version: stored(id).version + (put.has(id) ? 1 : 0) }),
    levels: () => state.levels,
    counter: (levelCode) => state.counters[levelCode] ?? 1,
    put: (entity) => {
      stored(entity.entityId);
      put.set(entity.entityId, entity);
    },
    setLevels: (levels) => {
      state.levels = levels;
    },
    setCounter: (levelCode, next) => {
      state.counters = { ...state.counters, [levelCode]: next };
    },
    moveReferences: (ids, to) => {
      for (const move of read.moves) moves.push((change) => move(ids, to, change, by));
    },
    after: () => treeOf(read.state.version + 1, state.levels, nodesAfter(read.tree, put)),
  };
  const flush = (operation: string, change: Change): boolean => {
    const isStateChanged = JSON.stringify(state.levels) !== JSON.stringify(read.state.body?.levels ?? []);
    for (const move of moves) move(change);
    if (put.size === 0 && !isStateChanged) return moves.length > 0;
    writeStructure({ ...making, state, put, isStateChanged, operation, after: draft.after() }, change);
    return true;
  };
  return { draft, flush };
}

function* nodesAfter(tree: Tree, put: ReadonlyMap<string, EntityDocument>): Generator<TreeNode> {
  for (const [id, node] of tree.nodes) if (!put.has(id)) yield node;
  for (const entity of put.values()) if (entity.isActive) yield nodeOf(entity);
}

interface Writing extends Making {
  state: HierarchyState;
  put: ReadonlyMap<string, EntityDocument>;
  isStateChanged: boolean;
  operation: string;
  after: Tree;
}

function writeStructure(writing: Writing, change: Change): void {
  const { org, by, now, read, state, put, after } = writing;
  const changes: EntityChange[] = [...put].map(([id, entity]) => ({
    id,
    before: read.entities.get(id)?.body ?? null,
    after: entity,
  }));
  const entityCount = state.entityCount + changes.filter(({ before }) => before === null).length;
  refuseAboveLimits(after, entityCount, changes);
  change.set<HierarchyState>(hierarchyStatePath(org), { ...state, entityCount });
  for (const { id, after: entity } of changes) {
    if (read.entities.get(id)?.version === 0) change.create<EntityDocument>(entityPath(org, id), entity);
    else change.set<EntityDocument>(entityPath(org, id), entity);
  }
  writeShards(org, read, changes, change);
  const levelsBefore = writing.isStateChanged ? (read.state.body?.levels ?? []) : null;
  writeJournal(
    org,
    { number: after.version, at: now.toISOString(), by, operation: writing.operation, levelsBefore, changes },
    change,
  );
  writeHistory(writing, changes, change);
}

/** A limit stops what adds: what lies above it already may be changed and deleted. */
function refuseAboveLimits(after: Tree, entityCount: number, changes: readonly EntityChange[]): void {
  const isMore = changes.some(({ before, after: entity }) => entity.isActive && !before?.isActive);
  const limit = after.nodes.size > maximumActive ? maximumActive : entityCount > maximumEver ? maximumEver : undefined;
  if (!isMore || limit === undefined) return;
  const what = limit === maximumActive ? "active entities" : "entities, deleted ones included";
  throw new AppError("LIMIT_REACHED", `An organization has at most ${limit} ${what}.`, { extra: { limit } });
}

function writeShards(org: OrgIdentity, read: StructureRead, changes: readonly EntityChange[], change: Change): void {
  const shards = new Map<number, HierarchyShard>();
  for (const { id, before, after } of changes) {
    const [was, is] = [before?.isActive ? nodeOf(before) : null, after.isActive ? nodeOf(after) : null];
    if (JSON.stringify(was) === JSON.stringify(is)) continue;
    const number = shardOf(id);
    const shard = shards.get(number) ?? { nodes: { ...read.shards.get(number)?.nodes } };
    shards.set(number, shard);
    if (is === null) delete shard.nodes[id];
    else shard.nodes[id] = withoutId(is);
  }
  for (const [number, shard] of shards) change.set<HierarchyShard>(shardPath(org, number), shard);
}

function withoutId({ id: _id, ...node }: TreeNode): Omit<TreeNode, "id"> {
  return node;
}

function writeHistory(writing: Writing, changes: readonly EntityChange[], change: Change): void {
  const { org, read, after, now, ids, state } = writing;
  for (const { id, before, after: entity } of changes) {
    const version = (read.entities.get(id)?.version ?? 0) + 1;
    const at = { org, tree: after, version, operation: before === null ? ("CREATE" as const) : ("UPDATE" as const) };
    const row = mirrorRow(entity, { ...at, now: now.toISOString(), eventId: ids.newId("evt") });
    const mirror = { datasetId: read.datasetId, table: "hierarchy_entities", row };
    change.history({ ...entityHistory(entity, at), mirror });
  }
  const levelsBefore = new Map((read.state.body?.levels ?? []).map((level) => [level.level, level]));
  for (const level of state.levels) {
    const was = levelsBefore.get(level.level);
    levelsBefore.delete(level.level);
    if (JSON.stringify(was) === JSON.stringify(level)) continue;
    const operation = was === undefined ? "CREATE" : "UPDATE";
    change.history(levelHistory(level, { org, version: after.version, operation, by: writing.by, now }));
  }
  for (const level of levelsBefore.values())
    change.history(levelHistory(level, { org, version: after.version, operation: "DELETE", by: writing.by, now }));
}
