import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { type MembershipDocument, membershipPath } from "#shared/access/roles.ts";
import type { Documents, Snapshot } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Answer, AuditDetails, Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { type HierarchyState, hierarchyStatePath } from "./default-levels.ts";
import type { EntityDocument } from "./entity.ts";
import { emptyState, entitiesNamed, type HierarchyShard, shardOf, shardPath, treeAt } from "./hierarchy-store.ts";
import type { MoveReferences, Reference, ReferenceKind } from "./references.ts";
import { type Draft, draftOf } from "./structure-draft.ts";
import { lineOf, type Tree } from "./tree.ts";

export type StructurePorts = { documents: Documents } & Pick<Surroundings, "clock" | "ids">;

export interface OnStructure {
  org: OrgIdentity;
  caller: Caller;
}

/** Looks at entities by id while a change says what it needs; before the first write. */
export type Look = (ids: readonly string[]) => Promise<Map<string, Snapshot<EntityDocument>>>;

/** A change of the structure: what it needs, and what it makes of it. The body may run again. */
export interface StructureWork<T> {
  /** As the journal names it. */
  operation: string;
  /** Ids whose documents the change needs; their ancestors and owners are read with them. */
  reads(tree: Tree, look: Look, state: HierarchyState): readonly string[] | Promise<readonly string[]>;
  /** People who become owners. */
  owners?: readonly (string | null | undefined)[];
  /** Kinds of things whose references the change looks at. */
  kinds?: readonly ReferenceKind[];
  write(draft: Draft): { answer: Answer<T>; details: AuditDetails };
}

/** All that one transaction has read. */
export interface StructureRead {
  state: Snapshot<HierarchyState>;
  datasetId: string;
  tree: Tree;
  entities: Map<string, Snapshot<EntityDocument>>;
  shards: Map<number, HierarchyShard>;
  /** Ids of the read owners who are members. */
  members: ReadonlySet<string>;
  references: Reference[];
  moves: MoveReferences[];
}

/**
 * One change of the structure in one transaction: entities, their shards, the state whose version it raises, journal,
 * history, the mirror's rows and the audit row; nothing at all where nothing changed. The state document serialises
 * the changes of one organization.
 */
export function changeStructure<T>(
  { org, caller }: OnStructure,
  effects: Effects<T>,
  given: StructurePorts,
  work: StructureWork<T>,
): Promise<Answer<T>> {
  return effects.commit(async (change) => {
    const read = await readStructure(org, work, change, given.documents);
    await effects.prepare(change);
    const draft = draftOf({ org, by: actorOf(caller), now: change.now, read, ids: given.ids });
    const { answer, details } = work.write(draft.draft);
    const isChanged = draft.flush(work.operation, change);
    effects.conclude(change, answer, isChanged ? details : { ...details, isAudited: true });
    return answer;
  });
}

/** Who writes, as documents keep it. */
export function actorOf(caller: Caller): string {
  if (caller.kind === "key") return caller.keyId;
  if (caller.kind === "member" || caller.kind === "person") return caller.userId;
  return caller.kind;
}

async function readStructure(
  org: OrgIdentity,
  work: Pick<StructureWork<unknown>, "reads" | "owners" | "kinds">,
  change: Change,
  store: Documents,
): Promise<StructureRead> {
  const [stored, organization] = await change.getAll<object>([hierarchyStatePath(org), `orgs/${org.key}`]);
  const state = stored as Snapshot<HierarchyState>;
  const datasetId = (organization?.body as { dataset: { id: string } } | undefined)?.dataset.id;
  if (datasetId === undefined) throw new AppError("ORG_NOT_FOUND", "There is no such organization.");
  const tree = await treeAt(org, state, { store, tx: change });
  const ids = await work.reads(tree, (some) => entitiesNamed(org, some, change), state.body ?? emptyState);
  const line = ids.flatMap((id) => lineOf(tree, id).map((node) => node.id));
  const entities = await entitiesNamed(org, [...ids, ...line], change);
  const shards = await readShards(org, ids, change);
  const owners = [...entities.values()].map(({ body }) => body?.ownerId);
  const members = await readMembers(org, [...owners, ...(work.owners ?? [])], change);
  const kinds = await Promise.all((work.kinds ?? []).map((kind) => kind.read(org, change)));
  return {
    state,
    datasetId,
    tree,
    entities,
    shards,
    members,
    references: kinds.flatMap(({ references }) => references),
    moves: kinds.map(({ move }) => move),
  };
}

async function readShards(
  org: OrgIdentity,
  ids: readonly string[],
  change: Change,
): Promise<Map<number, HierarchyShard>> {
  const numbers = [...new Set(ids.map(shardOf))];
  const shards = await change.getAll<HierarchyShard>(numbers.map((shard) => shardPath(org, shard)));
  return new Map(numbers.map((number, at) => [number, shards[at]?.body ?? { nodes: {} }]));
}

/** Those of the people who are members now. */
export async function readMembers(
  org: OrgIdentity,
  people: readonly (string | null | undefined)[],
  from: Pick<Documents, "getAll"> | Pick<Change, "getAll">,
): Promise<ReadonlySet<string>> {
  const ids = [...new Set(people)].filter((id): id is string => typeof id === "string");
  if (ids.length === 0) return new Set();
  const found = await from.getAll<MembershipDocument>(ids.map((id) => membershipPath(org.key, id)));
  return new Set(found.flatMap(({ body }) => (body?.status === "ACTIVE" ? [body.userId] : [])));
}
