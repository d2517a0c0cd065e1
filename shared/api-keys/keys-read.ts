import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { allKeys, type FoundKey, keyNotFound, keyStatus, liveKeys, primaryOf } from "./stored-key.ts";

const nullableInstant = nullable(Type.String({ format: "date-time" }));

/** One key as lists show it: never the key, never its hash. */
const ListedKey = strictObject({
  key_id: Type.String(),
  name: Type.String(),
  fingerprint: Type.String(),
  scopes: Type.Array(Type.String()),
  status: choice(["ACTIVE", "ROTATING", "REVOKED", "EXPIRED"]),
  is_primary: Type.Boolean(),
  created_at: Type.String({ format: "date-time" }),
  created_by: nullable(Type.String()),
  expires_at: nullableInstant,
  revoked_at: nullableInstant,
  last_used_at: nullableInstant,
  rotated_from: nullable(Type.String()),
});

export const KeyList = strictObject({
  org_slug: Type.String(),
  api_keys: Type.Array(ListedKey),
  total: Type.Integer(),
});
export type KeyList = Static<typeof KeyList>;

export const PrimaryKey = strictObject({
  org_slug: Type.String(),
  api_key_fingerprint: Type.String(),
  is_active: Type.Boolean(),
  created_at: Type.String({ format: "date-time" }),
  expires_at: nullableInstant,
  scopes: Type.Array(Type.String()),
});
export type PrimaryKey = Static<typeof PrimaryKey>;

/** Every key that the organization ever had, newest first. */
export async function listKeys(org: OrgIdentity, documents: Documents): Promise<KeyList> {
  const keys = await allKeys(org, documents);
  return { org_slug: org.slug, api_keys: keys.map(listedKey), total: keys.length };
}

/** The organization's own key; 404 `KEY_NOT_FOUND` when it was revoked and none has replaced it. */
export async function primaryKey(org: OrgIdentity, documents: Documents): Promise<PrimaryKey> {
  const found = primaryOf(await liveKeys(org, documents));
  if (found === undefined) throw keyNotFound();
  const { fingerprint, expiresAt, scopes } = found.body;
  return {
    org_slug: org.slug,
    api_key_fingerprint: fingerprint,
    is_active: true,
    created_at: found.createdAt ?? found.readAt.toISOString(),
    expires_at: expiresAt,
    scopes,
  };
}

function listedKey({ body, createdAt, readAt }: FoundKey): KeyList["api_keys"][number] {
  return {
    key_id: body.keyId,
    name: body.name,
    fingerprint: body.fingerprint,
    scopes: body.scopes,
    status: keyStatus(body, readAt),
    is_primary: body.primary,
    created_at: createdAt ?? readAt.toISOString(),
    created_by: body.createdBy ?? null,
    expires_at: body.expiresAt,
    revoked_at: body.revokedAt,
    last_used_at: body.lastUsedAt,
    rotated_from: body.rotatedFrom,
  };
}
