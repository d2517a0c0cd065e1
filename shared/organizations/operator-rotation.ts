import type { Caller } from "#shared/access/caller.ts";
import type { KeyPorts } from "#shared/api-keys/new-key.ts";
import { type RotatedPrimaryKey, rotatePrimaryKey } from "#shared/api-keys/rotate.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { organizationNamed } from "./organization-named.ts";

/** Rotates the primary key of the organization that the operator names. Throws `ORG_NOT_FOUND`, and as `rotatePrimaryKey`. */
export async function operatorRotatesPrimary(
  { slug, caller, overlapHours }: { slug: string; caller: Caller; overlapHours: number },
  effects: Effects<RotatedPrimaryKey>,
  given: KeyPorts & { documents: Documents },
): Promise<RotatedPrimaryKey> {
  const org = await organizationNamed(slug, given.documents);
  return rotatePrimaryKey({ org, caller, overlapHours }, effects, given);
}
