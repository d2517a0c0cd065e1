import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import type { OrgAccessDocument } from "#shared/access/membership.ts";
import { orgKeyOf } from "#shared/access/org-slug.ts";
import { informedOf } from "#shared/members/informed.ts";
import type { Transaction } from "#shared/platform/documents/documents.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import { issuedMail } from "./issued-mail.ts";
import { creatorOf, type FreshKey, freshKey, type KeyPorts, refuseTooManyKeys, storeKey } from "./new-key.ts";
import { concludeRevocation, type RevokedKey } from "./revoke.ts";
import { keyNotFound, keyPath, liveKeys, type StoredKey } from "./stored-key.ts";

export const OperatorKeyRequest = strictObject({
  org_slug: Type.String({ minLength: 1, maxLength: 100 }),
  description: Type.Optional(plainText(0, 100)),
});
export type OperatorKeyRequest = Static<typeof OperatorKeyRequest>;

export const OperatorKey = strictObject({
  org_slug: Type.String(),
  key_id: Type.String(),
  api_key: Type.String({ description: "Shown this once" }),
  org_api_key_hash: Type.String(),
  fingerprint: Type.String(),
  description: Type.String(),
  scopes: Type.Array(Type.String()),
  created_at: Type.String({ format: "date-time" }),
});
export type OperatorKey = Static<typeof OperatorKey>;

/** A further key with every scope and no end, as older clients of the operator ask for it; the owner is told. 404 `ORG_NOT_FOUND`. */
export async function createOperatorKey(
  request: OperatorKeyRequest,
  caller: Caller,
  effects: Effects<OperatorKey>,
  given: KeyPorts & { documents: Pick<Transaction, "get"> },
): Promise<OperatorKey> {
  const org = await activeOrg(request.org_slug, given.documents);
  const fresh = await freshKey(org, given);
  const name = request.description?.normalize("NFC").trim() || "Made by the operator";
  return effects.commit(async (change) => {
    await activeOrg(request.org_slug, change);
    const live = await liveKeys(org, change);
    const informed = await informedOf(org, change);
    await effects.prepare(change);
    refuseTooManyKeys(live);
    const terms = { primary: false, expiresAt: null, rotatedFrom: null, createdBy: creatorOf(caller) };
    const stored = storeKey(org, fresh, { ...terms, name, scopes: ["*"] }, change);
    if (informed !== undefined) change.publish(issuedMail(informed, stored, given), org);
    const answer = operatorKey(org, fresh, stored, change.now);
    effects.conclude(change, answer, { org, resourceId: fresh.keyId, details: { name, scopes: stored.scopes } });
    return answer;
  });
}

/** Revokes the key of that hash, of whichever organization. 404 `KEY_NOT_FOUND`. */
export function deleteOperatorKey(hash: string, effects: Effects<RevokedKey>): Promise<RevokedKey> {
  if (!/^[0-9a-f]{64}$/i.test(hash)) throw keyNotFound();
  return effects.commit(async (change) => {
    const key = await change.get<StoredKey>(keyPath(hash.toLowerCase()));
    if (key.body === undefined) throw keyNotFound();
    const org = await identityOf(key.body.org, change);
    await effects.prepare(change);
    if (org === undefined) throw keyNotFound();
    return concludeRevocation(org, { ...key, body: key.body }, change, effects);
  });
}

async function activeOrg(slug: string, documents: Pick<Transaction, "get">): Promise<OrgIdentity> {
  const key = orgKeyOf(slug);
  const org = key === undefined ? undefined : await identityOf(key, documents);
  if (org === undefined) throw new AppError("ORG_NOT_FOUND", "There is no such organization.");
  return org;
}

async function identityOf(key: string, documents: Pick<Transaction, "get">): Promise<OrgIdentity | undefined> {
  const { body } = await documents.get<OrgAccessDocument>(`orgs/${key}`);
  return body?.state === "ACTIVE" ? { slug: body.slug, key, orgId: body.orgId } : undefined;
}

function operatorKey(org: OrgIdentity, fresh: FreshKey, { name, fingerprint, scopes }: StoredKey, now: Date) {
  return {
    org_slug: org.slug,
    key_id: fresh.keyId,
    api_key: fresh.apiKey,
    org_api_key_hash: fresh.hash,
    fingerprint,
    description: name,
    scopes,
    created_at: now.toISOString(),
  };
}
