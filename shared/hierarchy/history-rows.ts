import type { OrgIdentity } from "#shared/access/caller.ts";
import type { HistoryEntry } from "#shared/runtime/change.ts";
import type { HierarchyLevel } from "./default-levels.ts";
import type { EntityDocument } from "./entity.ts";
import { levelAnswer } from "./level.ts";
import { lineOf, type Tree } from "./tree.ts";

interface At {
  org: OrgIdentity;
  /** With the change that the row is of: the path of this moment, for people; nothing computes from it. */
  tree: Tree;
  version: number;
  operation: "CREATE" | "UPDATE";
}

/** A row of `org_hierarchy`. */
export function entityHistory(entity: EntityDocument, { org, tree, version, operation }: At): HistoryEntry {
  return {
    table: "org_hierarchy",
    operation,
    version,
    row: {
      org_slug: org.slug,
      ...placed(entity, tree),
      parent_id: entity.parentId,
      depth: entity.level - 1,
      owner_id: entity.ownerId,
      owner_name: entity.ownerName,
      owner_email: entity.ownerEmail,
      description: entity.description,
      metadata: entity.metadata,
      sort_order: entity.sortOrder,
      is_active: entity.isActive,
      end_date: entity.endDate,
      created_at: entity.createdAt,
      created_by: entity.createdBy,
      updated_at: entity.updatedAt,
      updated_by: entity.updatedBy,
    },
  };
}

/** A row of `hierarchy_entities` in the organization's dataset: a mirror for BI, never read by the platform. */
export function mirrorRow(
  entity: EntityDocument,
  { tree, version, operation, now, eventId }: At & { now: string; eventId: string },
): Record<string, unknown> {
  const { path_ids: _ids, ...row } = placed(entity, tree);
  return {
    ...row,
    parent_id: entity.parentId,
    is_active: entity.isActive,
    rules: null,
    effective_from: entity.createdAt,
    effective_to: entity.endDate,
    event_id: eventId,
    version,
    operation,
    recorded_at: now,
  };
}

function placed(entity: EntityDocument, tree: Tree) {
  const above = entity.parentId === null ? [] : lineOf(tree, entity.parentId);
  const ids = [...above.map((node) => node.id), entity.entityId];
  return {
    entity_id: entity.entityId,
    entity_name: entity.entityName,
    level: entity.level,
    level_code: tree.levels.find(({ level }) => level === entity.level)?.levelCode ?? String(entity.level),
    path: ids.map((id) => `/${id}`).join(""),
    path_ids: ids,
    path_names: [...above.map((node) => node.name), entity.entityName],
  };
}

/** A row of `org_hierarchy_levels`. */
export function levelHistory(
  level: HierarchyLevel,
  at: { org: OrgIdentity; version: number; operation: "CREATE" | "UPDATE" | "DELETE"; by: string; now: Date },
): HistoryEntry {
  return {
    table: "org_hierarchy_levels",
    operation: at.operation,
    version: at.version,
    row: {
      org_slug: at.org.slug,
      ...levelAnswer(level),
      created_at: at.now.toISOString(),
      created_by: at.by,
      updated_at: at.now.toISOString(),
    },
  };
}
