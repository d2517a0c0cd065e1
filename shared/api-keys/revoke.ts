import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { changeKey, type FoundKey, keyNamed, liveKeys } from "./stored-key.ts";

export const RevokedKey = strictObject({
  key_id: Type.String(),
  status: Type.Literal("REVOKED"),
  revoked_at: Type.String({ format: "date-time" }),
});
export type RevokedKey = Static<typeof RevokedKey>;

/** Ends a key; again: the same answer. A key may revoke itself, and the last one may go. Throws `KEY_NOT_FOUND`. */
export function revokeKey(org: OrgIdentity, keyId: string, effects: Effects<RevokedKey>): Promise<RevokedKey> {
  return effects.commit(async (change) => {
    const found = await keyNamed(org, keyId, change);
    await effects.prepare(change);
    return concludeRevocation(org, found, change, effects);
  });
}

/** Revokes the key that the transaction has found, unless it was revoked before. */
export function concludeRevocation(
  org: OrgIdentity,
  found: FoundKey,
  change: Change,
  effects: Effects<RevokedKey>,
): RevokedKey {
  const { keyId, name, fingerprint, state, revokedAt } = found.body;
  const isNew = state !== "REVOKED";
  const answer = {
    key_id: keyId,
    status: "REVOKED" as const,
    revoked_at: (isNew ? null : revokedAt) ?? change.now.toISOString(),
  };
  if (isNew) endKey(org, found, change);
  effects.conclude(change, answer, { org, resourceId: keyId, details: { name, fingerprint }, isAudited: !isNew });
  return answer;
}

/** Revokes every key of the organization, for whoever ends it; answers how many. All reads come before its first write. */
export async function revokeEveryKey(org: OrgIdentity, change: Change): Promise<() => number> {
  const live = await liveKeys(org, change);
  return () => {
    for (const found of live) endKey(org, found, change);
    return live.length;
  };
}

function endKey(org: OrgIdentity, found: FoundKey, change: Change): void {
  const revokedAt = change.now.toISOString();
  changeKey(org, found, { ...found.body, state: "REVOKED", revokedAt, sealedKey: null }, change);
}
