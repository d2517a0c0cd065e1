import type { OrgIdentity } from "#shared/access/caller.ts";
import { configFile } from "#shared/platform/config-files.ts";
import type { Snapshot, Transaction } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import { levelHistory } from "./history-rows.ts";

/** Document `orgs/{key}/hierarchy/state`: read and written by every change of the structure, which serialises them. */
export interface HierarchyState {
  levels: HierarchyLevel[];
  /** Next number of a generated entity id, by level code. */
  counters: Record<string, number>;
  entityCount: number;
}

/** One level of the hierarchy (`hierarchy.md` 1.2). */
export interface HierarchyLevel {
  /** 1 is the top. */
  level: number;
  levelCode: string;
  levelName: string;
  levelNamePlural: string;
  parentLevel: number | null;
  isRequired: boolean;
  isLeaf: boolean;
  maxChildren: number | null;
  idPrefix: string | null;
  idAutoGenerate: boolean;
  metadataSchema: Record<string, unknown> | null;
  displayOrder: number;
  icon: string | null;
  color: string | null;
  isActive: boolean;
}

interface DefaultLevel {
  level_code: string;
  level_name: string;
  level_name_plural: string;
  id_prefix: string;
}

export function hierarchyStatePath(org: Pick<OrgIdentity, "key">): string {
  return `orgs/${org.key}/hierarchy/state`;
}

/**
 * Writes the levels an organization begins with, with their history rows, unless it has a hierarchy already. Reads
 * before it answers what writes; `configs/hierarchy/default-levels.yml`.
 */
export async function defaultHierarchy(
  org: OrgIdentity,
  tx: Pick<Transaction, "get">,
): Promise<(change: Change) => void> {
  const stored = await tx.get<HierarchyState>(hierarchyStatePath(org));
  const levels = await defaultLevels();
  return (change) => {
    if (stored.body === undefined) writeDefaults(org, levels, stored, change);
  };
}

let loaded: Promise<HierarchyLevel[]> | undefined;

/** The levels an organization begins with. */
export function defaultLevels(): Promise<HierarchyLevel[]> {
  loaded ??= configFile("hierarchy/default-levels.yml").then((content) => {
    const { levels } = content as { levels: DefaultLevel[] };
    return levels.map((level, at) => levelOf(level, at + 1, at === levels.length - 1));
  });
  return loaded;
}

function levelOf(given: DefaultLevel, level: number, isLeaf: boolean): HierarchyLevel {
  return {
    level,
    levelCode: given.level_code,
    levelName: given.level_name,
    levelNamePlural: given.level_name_plural,
    parentLevel: level === 1 ? null : level - 1,
    isRequired: true,
    isLeaf,
    maxChildren: null,
    idPrefix: given.id_prefix,
    idAutoGenerate: true,
    metadataSchema: null,
    displayOrder: level,
    icon: null,
    color: null,
    isActive: true,
  };
}

function writeDefaults(
  org: OrgIdentity,
  levels: HierarchyLevel[],
  { version }: Snapshot<HierarchyState>,
  change: Change,
): void {
  change.set<HierarchyState>(hierarchyStatePath(org), { levels, counters: {}, entityCount: 0 });
  const at = { org, version: version + 1, operation: "CREATE" as const, by: "system", now: change.now };
  for (const level of levels) change.history(levelHistory(level, at));
}
