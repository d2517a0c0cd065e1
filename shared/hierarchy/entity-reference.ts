import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents, Transaction } from "#shared/platform/documents/documents.ts";
import type { EntityDocument } from "./entity.ts";
import { entityPath } from "./hierarchy-store.ts";
import { entityIdOf, unknownEntity } from "./tree.ts";

/** What asks for an entity that a document is about to name. */
export interface EntityAsked {
  org: OrgIdentity;
  /** In any case. */
  text: string;
  /** The field of the request. */
  path: string;
}

/**
 * The stored id of an active entity. Read in the transaction that writes the reference: an entity that ends meanwhile
 * makes it run again. Throws `HIERARCHY_ENTITY_UNKNOWN` naming the field. Source: hierarchy.md 2.5.
 */
export async function entityToName(
  { org, text, path }: EntityAsked,
  from: Pick<Documents, "get"> | Pick<Transaction, "get">,
): Promise<string> {
  const id = entityIdOf(text);
  const entity = id === undefined ? undefined : (await from.get<EntityDocument>(entityPath(org, id))).body;
  if (id === undefined || !entity?.isActive) throw unknownEntity(path);
  return id;
}
