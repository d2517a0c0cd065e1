import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Transaction } from "#shared/platform/documents/documents.ts";
import type { Ids } from "#shared/platform/ids.ts";
import type { Change } from "#shared/runtime/change.ts";

/** Kinds of things that name an entity. Source: hierarchy.md 1.3. */
export const blockingKinds = [
  "child",
  "saas_plan",
  "provider_subscription",
  "credential_default",
  "allocation_rule",
  "budget",
  "alert_rule",
  "unit_metric",
] as const;
export type BlockingKind = (typeof blockingKinds)[number];

/** One thing that names an entity. */
export interface Reference {
  kind: BlockingKind;
  id: string;
  name: string;
  entityId: string;
}

/** The names of the metrics that shared cost can be spread by, as the room that owns metrics tells them. */
export type MetricsOf = (org: OrgIdentity, tx: Pick<Transaction, "list">) => Promise<{ has(metric: string): boolean }>;

/** Writes another entity id, or none, where the references of one thing stood. */
export type MoveReferences = (
  entityIds: ReadonlySet<string>,
  to: string | null,
  change: Change,
  by: { datasetId: string; ids: Ids },
) => void;

/**
 * A kind of thing that names entities, as the room that owns it declares it. `read` comes before the first write of the
 * transaction; `move` writes the thing, with its history, in the same one.
 */
export interface ReferenceKind {
  kind: Exclude<BlockingKind, "child">;
  read(
    org: OrgIdentity,
    tx: Pick<Transaction, "get" | "getAll" | "list">,
  ): Promise<{ references: Reference[]; move: MoveReferences }>;
}
