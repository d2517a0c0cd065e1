import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { packed } from "#shared/runtime/packed.ts";
import { nullable, paging, strictObject } from "#shared/runtime/schema.ts";
import type { HierarchyLevel } from "./default-levels.ts";
import { type EntityDocument, nodeOf } from "./entity.ts";
import { currentTree } from "./hierarchy-store.ts";
import { type Tree, treeOf } from "./tree.ts";

/** What one change did to an entity; null before it existed. */
export interface EntityChange {
  id: string;
  before: EntityDocument | null;
  after: EntityDocument;
}

/** Document `orgs/{key}/hierarchyJournal/{number}`: what led to this version. Large ones go on in `parts/{n}` below. */
export interface JournalDocument {
  number: number;
  /** RFC 3339, UTC. */
  at: string;
  by: string;
  operation: string;
  entityIds: string[];
  levelsBefore: HierarchyLevel[] | null;
  changes: EntityChange[];
  parts: number;
}

interface JournalPart {
  changes: EntityChange[];
}

const partBytes = 500_000;
const listedIds = 2_000;

export const VersionsQuery = strictObject({
  ...paging(),
});
export type VersionsQuery = Static<typeof VersionsQuery>;

export const VersionList = strictObject({
  org_slug: Type.String(),
  versions: Type.Array(
    strictObject({
      version: Type.Integer(),
      at: Type.String({ format: "date-time" }),
      by: Type.String(),
      operation: Type.String(),
      entity_ids: Type.Array(Type.String()),
    }),
  ),
  next_cursor: nullable(Type.String()),
});
export type VersionList = Static<typeof VersionList>;

function journalCollection(org: Pick<OrgIdentity, "key">): string {
  return `orgs/${org.key}/hierarchyJournal`;
}

/** Writes what led to a version, in as many documents as it needs. */
export function writeJournal(
  org: OrgIdentity,
  entry: Omit<JournalDocument, "entityIds" | "parts">,
  change: Pick<Change, "create">,
): void {
  const [first = [], ...further] = packed(entry.changes, partBytes);
  const path = `${journalCollection(org)}/${entry.number}`;
  const entityIds = entry.changes.slice(0, listedIds).map(({ id }) => id);
  change.create<JournalDocument>(path, { ...entry, entityIds, changes: first, parts: further.length });
  for (const [at, changes] of further.entries()) change.create<JournalPart>(`${path}/parts/${at + 1}`, { changes });
}

/** Changes of the structure, newest first. Throws `INVALID_CURSOR`. */
export async function versionsOf(org: OrgIdentity, query: VersionsQuery, documents: Documents): Promise<VersionList> {
  const page = await journalPage(org, { limit: query.limit, cursor: query.cursor }, documents);
  const versions = page.documents.map(({ body }) => ({
    version: body.number,
    at: body.at,
    by: body.by,
    operation: body.operation,
    entity_ids: body.entityIds,
  }));
  return { org_slug: org.slug, versions, next_cursor: page.next ?? null };
}

function journalPage(
  org: OrgIdentity,
  { limit, cursor, after = 0 }: { limit: number; cursor: string | undefined; after?: number },
  documents: Documents,
) {
  return documents.list<JournalDocument>({
    collection: journalCollection(org),
    filters: [{ field: "number", is: ">", value: after }],
    orderBy: [{ field: "number", direction: "desc" }],
    limit,
    cursor,
  });
}

/** A former state of the structure: a version, or an instant (RFC 3339). */
export type FormerMoment = { version: number } | { instant: string };

/** A tree of some moment, and the entities that are not as they are now, as they were. */
export interface FormerStructure {
  tree: Tree;
  /** By id; null where it did not exist. Entities that are absent here are as they are now. */
  entities: ReadonlyMap<string, EntityDocument | null>;
}

/**
 * The structure as it stood, rebuilt by undoing the journal from now on backwards. Throws `VERSION_NOT_FOUND` for a
 * version that is none and `INVALID_PARAMETER` for an instant in the future.
 */
export async function formerStructure(
  org: OrgIdentity,
  moment: FormerMoment,
  by: { documents: Documents; now: Date },
): Promise<FormerStructure> {
  const tree = await currentTree(org, by.documents);
  refuseUnknown(moment, tree.version, by.now);
  const entities = new Map<string, EntityDocument | null>();
  let { levels, version } = tree;
  const nodes = new Map(tree.nodes);
  for await (const entry of entriesBackwards(org, tree.version, by.documents)) {
    if (isReached(moment, entry)) break;
    for (const { id, before } of await changesOf(org, entry, by.documents)) {
      entities.set(id, before);
      if (before?.isActive) nodes.set(id, nodeOf(before));
      else nodes.delete(id);
    }
    levels = entry.levelsBefore ?? levels;
    version = entry.number - 1;
  }
  return { tree: treeOf(version, levels, nodes.values()), entities };
}

function refuseUnknown(moment: FormerMoment, current: number, now: Date): void {
  if ("version" in moment && moment.version > current)
    throw new AppError("VERSION_NOT_FOUND", `The structure has ${current} versions.`);
  if ("instant" in moment && Date.parse(moment.instant) > now.getTime())
    throw new AppError("INVALID_PARAMETER", "The instant lies in the future.", {
      fields: [{ path: "/as_of", problem: "must not lie in the future" }],
    });
}

function isReached(moment: FormerMoment, entry: JournalDocument): boolean {
  return "version" in moment ? entry.number <= moment.version : Date.parse(entry.at) <= Date.parse(moment.instant);
}

/** What came after `current` was read is no part of it. */
async function* entriesBackwards(
  org: OrgIdentity,
  current: number,
  documents: Documents,
): AsyncGenerator<JournalDocument> {
  let cursor: string | undefined;
  do {
    const page = await journalPage(org, { limit: 100, cursor }, documents);
    for (const { body } of page.documents) if (body.number <= current) yield body;
    cursor = page.next;
  } while (cursor !== undefined);
}

async function changesOf(org: OrgIdentity, entry: JournalDocument, documents: Documents): Promise<EntityChange[]> {
  const paths = Array.from(
    { length: entry.parts },
    (_, at) => `${journalCollection(org)}/${entry.number}/parts/${at + 1}`,
  );
  const parts = paths.length === 0 ? [] : await documents.getAll<JournalPart>(paths);
  return [...entry.changes, ...parts.flatMap(({ body }) => body?.changes ?? [])];
}
