import { randomBytes } from "node:crypto";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type KeyWrapper, localWrapper, openEnvelope, sealEnvelope } from "#shared/platform/keys/envelope.ts";
import type { Keys, Sealed } from "#shared/platform/keys/keys.ts";
import { AppError } from "#shared/runtime/errors.ts";

/**
 * Every organization has a wrapping key of its own, itself sealed by the platform's. Erasing this one document makes
 * every secret of the organization unreadable. Source: `providers.md` 1.8.
 */
export interface OrgKeysDocument {
  wrappingKey: Sealed;
  keyVersion: string;
}

export interface SealedBy {
  documents: Documents;
  keys: Keys;
}

export function orgKeysPath(orgId: string): string {
  return `orgKeys/${orgId}`;
}

/** A fresh wrapping key, sealed under the platform key; to be written in the transaction that makes the organization. */
export async function newOrgKeys(orgId: string, keys: Keys): Promise<OrgKeysDocument> {
  const key = randomBytes(32);
  const wrappingKey = await keys.seal(key, wrappingContext(orgId));
  key.fill(0);
  return { wrappingKey, keyVersion: "1" };
}

/** Seals a secret of the organization. The context binds it to what it is: it opens under no other. */
export async function sealForOrg(orgId: string, plaintext: string, context: string, by: SealedBy): Promise<Sealed> {
  const wrapper = await orgWrapper(orgId, by);
  return sealEnvelope(new TextEncoder().encode(plaintext), context, wrapper.wrap);
}

/** Opens what `sealForOrg` sealed; `SEALED_UNREADABLE` under another organization or context. */
export async function openForOrg(orgId: string, sealed: Sealed, context: string, by: SealedBy): Promise<string> {
  const wrapper = await orgWrapper(orgId, by);
  return new TextDecoder().decode(await openEnvelope(sealed, context, wrapper.unwrap));
}

/** Additional data of a provider credential's sealed value. */
export function credentialContext(orgId: string, provider: string, credentialId: string, version: number): string {
  return `v1|${orgId}|${provider}|${credentialId}|${version}`;
}

async function orgWrapper(orgId: string, by: SealedBy): Promise<KeyWrapper> {
  const { body } = await by.documents.get<OrgKeysDocument>(orgKeysPath(orgId));
  if (body === undefined) throw new AppError("SEALED_UNREADABLE", "The organization has no key any more.");
  const key = await by.keys.open(body.wrappingKey, wrappingContext(orgId));
  return localWrapper({ key, keyName: orgKeysPath(orgId), keyVersion: body.keyVersion });
}

function wrappingContext(orgId: string): string {
  return `v1|${orgId}|wrapping-key`;
}
