import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { refuseMoreScopes } from "./granted-scopes.ts";
import {
  creatorOf,
  type FreshKey,
  freshKey,
  type KeyPorts,
  type KeyTerms,
  refuseTooManyKeys,
  storeKey,
} from "./new-key.ts";
import { changeKey, type FoundKey, keyNamed, keyStatus, liveKeys, primaryOf } from "./stored-key.ts";

const overlap = { minimum: 0, maximum: 168 };

export const RotateRequest = strictObject({ overlap_hours: Type.Integer({ ...overlap, default: 24 }) });
export const RotatePrimaryRequest = strictObject({ overlap_hours: Type.Integer({ ...overlap, default: 0 }) });

export const RotatedKey = strictObject({
  key_id: Type.String(),
  api_key: Type.String({ description: "Shown this once" }),
  fingerprint: Type.String(),
  previous_key_id: Type.String(),
  previous_expires_at: Type.String({ format: "date-time" }),
});
export type RotatedKey = Static<typeof RotatedKey>;

export const RotatedPrimaryKey = strictObject({
  org_slug: Type.String(),
  api_key: Type.String({ description: "Shown this once" }),
  api_key_fingerprint: Type.String(),
  org_api_key_hash: Type.String(),
  previous_key_revoked: Type.Boolean(),
  created_at: Type.String({ format: "date-time" }),
  message: Type.String(),
});
export type RotatedPrimaryKey = Static<typeof RotatedPrimaryKey>;

interface Rotation {
  org: OrgIdentity;
  caller: Caller;
  overlapHours: number;
}

/**
 * A fresh key of the same name, scopes and lifetime; the old one works until the overlap ends. Throws `KEY_NOT_FOUND`,
 * `KEY_ALREADY_ROTATED` for one that is rotating, `KEY_NOT_ACTIVE` for one that opens nothing any more, `SCOPE_EXCEEDED`
 * for one that may do more than the caller.
 */
export async function rotateKey(
  asked: Rotation & { keyId: string },
  effects: Effects<RotatedKey>,
  given: KeyPorts,
): Promise<RotatedKey> {
  const { org, caller, overlapHours } = asked;
  const fresh = await freshKey(org, given);
  return effects.commit(async (change) => {
    const found = await keyNamed(org, asked.keyId, change);
    const live = await liveKeys(org, change);
    await effects.prepare(change);
    refuseUnrotatable(found);
    refuseMoreScopes(caller, found.body.scopes);
    if (overlapHours > 0) refuseTooManyKeys(live);
    const stored = storeKey(org, fresh, successorTerms(found, caller, change.now), change);
    const previousExpiresAt = retire(org, found, overlapHours, change);
    const answer = {
      key_id: fresh.keyId,
      api_key: fresh.apiKey,
      fingerprint: stored.fingerprint,
      previous_key_id: found.body.keyId,
      previous_expires_at: previousExpiresAt,
    };
    effects.conclude(change, answer, rotationDetails(fresh, found, overlapHours));
    return answer;
  });
}

/** Rotates the organization's own key, or makes one with every scope where none is left. Throws as `rotateKey`. */
export async function rotatePrimaryKey(
  asked: Rotation,
  effects: Effects<RotatedPrimaryKey>,
  given: KeyPorts,
): Promise<RotatedPrimaryKey> {
  const { org } = asked;
  const fresh = await freshKey(org, given);
  return effects.commit(async (change) => {
    const live = await liveKeys(org, change);
    await effects.prepare(change);
    const answer = renewPrimary(asked, fresh, live, change);
    effects.conclude(change, answer, { org, ...rotationDetails(fresh, primaryOf(live), asked.overlapHours) });
    return answer;
  });
}

/** The writes of `rotatePrimaryKey`, for whoever holds the transaction; `live` are the keys that it has read. */
export function renewPrimary(
  { org, caller, overlapHours }: Rotation,
  fresh: FreshKey,
  live: readonly FoundKey[],
  change: Change,
): RotatedPrimaryKey {
  const previous = primaryOf(live);
  const terms = previous === undefined ? firstTerms(caller) : successorTerms(previous, caller, change.now);
  refuseMoreScopes(caller, terms.scopes);
  if (previous === undefined || overlapHours > 0) refuseTooManyKeys(live);
  const { fingerprint } = storeKey(org, fresh, terms, change);
  if (previous !== undefined) retire(org, previous, overlapHours, change);
  const isRevoked = previous !== undefined && overlapHours === 0;
  return {
    org_slug: org.slug,
    api_key: fresh.apiKey,
    api_key_fingerprint: fingerprint,
    org_api_key_hash: fresh.hash,
    previous_key_revoked: isRevoked,
    created_at: change.now.toISOString(),
    message: `Keep the API key: it is shown this once.${isRevoked ? " The former one works no more." : ""}`,
  };
}

function firstTerms(caller: Caller): KeyTerms {
  const createdBy = creatorOf(caller);
  return { name: "Primary key", scopes: ["*"], primary: true, expiresAt: null, rotatedFrom: null, createdBy };
}

/** What the new key has of the old one; it lives as long from now as that one was meant to. */
function successorTerms({ body, createdAt }: FoundKey, caller: Caller, now: Date): KeyTerms {
  const lifetime = body.expiresAt === null ? null : Date.parse(body.expiresAt) - Date.parse(createdAt ?? "");
  return {
    name: body.name,
    scopes: body.scopes,
    primary: body.primary,
    expiresAt: lifetime === null ? null : new Date(now.getTime() + lifetime).toISOString(),
    rotatedFrom: body.keyId,
    createdBy: creatorOf(caller),
  };
}

function refuseUnrotatable({ body, readAt }: FoundKey): void {
  const status = keyStatus(body, readAt);
  if (body.state === "ROTATING")
    throw new AppError("KEY_ALREADY_ROTATED", "This key has been rotated already; rotate the one that replaced it.");
  if (status !== "ACTIVE") throw new AppError("KEY_NOT_ACTIVE", `This key is ${status}; issue a new one.`);
}

/** Ends the old key at the end of the overlap, never later than it would have ended anyway; answers when. */
function retire(org: OrgIdentity, found: FoundKey, overlapHours: number, change: Change): string {
  const { body } = found;
  const now = change.now.toISOString();
  if (overlapHours === 0) {
    changeKey(org, found, { ...body, primary: false, state: "REVOKED", revokedAt: now, sealedKey: null }, change);
    return now;
  }
  const end = new Date(change.now.getTime() + overlapHours * 3_600_000).toISOString();
  const expiresAt = body.expiresAt !== null && body.expiresAt < end ? body.expiresAt : end;
  changeKey(org, found, { ...body, primary: false, state: "ROTATING", expiresAt }, change);
  return expiresAt;
}

function rotationDetails(fresh: FreshKey, previous: FoundKey | undefined, overlapHours: number) {
  return {
    resourceId: fresh.keyId,
    details: { previous_key_id: previous?.body.keyId ?? null, overlap_hours: overlapHours },
  };
}
