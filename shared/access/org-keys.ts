import { createHmac, randomBytes } from "node:crypto";
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
  /** What people's pseudonyms are made with, sealed under the wrapping key. */
  pseudonymKey: Sealed;
}

export interface SealedBy {
  documents: Documents;
  keys: Keys;
}

export function orgKeysPath(orgId: string): string {
  return `orgKeys/${orgId}`;
}

/**
 * A fresh wrapping key, sealed under the platform key, and a pseudonym key under it; to be written in the transaction
 * that makes the organization.
 */
export async function newOrgKeys(orgId: string, keys: Keys): Promise<OrgKeysDocument> {
  const key = randomBytes(32);
  const keyVersion = "1";
  const wrapper = localWrapper({ key, keyName: orgKeysPath(orgId), keyVersion });
  const [wrappingKey, pseudonymKey] = await Promise.all([
    keys.seal(key, wrappingContext(orgId)),
    sealEnvelope(randomBytes(32), pseudonymContext(orgId), wrapper.wrap),
  ]);
  key.fill(0);
  return { wrappingKey, keyVersion, pseudonymKey };
}

/** Seals a secret of the organization. The context binds it to what it is: it opens under no other. */
export async function sealForOrg(orgId: string, plaintext: string, context: string, by: SealedBy): Promise<Sealed> {
  return sealUnder(await keysOf(orgId, by), { orgId, plaintext, context }, by);
}

/** As `sealForOrg`, under keys that are perhaps not stored yet. */
export async function sealUnder(
  document: OrgKeysDocument,
  what: { orgId: string; plaintext: string; context: string },
  by: Pick<SealedBy, "keys">,
): Promise<Sealed> {
  const wrapper = await wrapperOf(what.orgId, document, by);
  return sealEnvelope(new TextEncoder().encode(what.plaintext), what.context, wrapper.wrap);
}

/** Opens what `sealForOrg` sealed; `SEALED_UNREADABLE` under another organization or context. */
export async function openForOrg(orgId: string, sealed: Sealed, context: string, by: SealedBy): Promise<string> {
  const wrapper = await orgWrapper(orgId, by);
  return new TextDecoder().decode(await openEnvelope(sealed, context, wrapper.unwrap));
}

/**
 * Makes pseudonyms of people's ids: `u_` and 16 hex characters, equal for spellings that differ in case or Unicode form,
 * without meaning outside the organization and after its key is gone. Throws `SEALED_UNREADABLE`. Source: `providers.md` 2.6.
 */
export async function pseudonymsOf(orgId: string, by: SealedBy): Promise<(value: string) => string> {
  const document = await keysOf(orgId, by);
  const wrapper = await wrapperOf(orgId, document, by);
  const key = await openEnvelope(document.pseudonymKey, pseudonymContext(orgId), wrapper.unwrap);
  return (value) => {
    const hash = createHmac("sha256", key).update(value.normalize("NFC").toLowerCase()).digest("hex");
    return `u_${hash.slice(0, 16)}`;
  };
}

/** Additional data of a provider credential's sealed value. */
export function credentialContext(orgId: string, provider: string, credentialId: string, version: number): string {
  return `v1|${orgId}|${provider}|${credentialId}|${version}`;
}

async function orgWrapper(orgId: string, by: SealedBy): Promise<KeyWrapper> {
  return wrapperOf(orgId, await keysOf(orgId, by), by);
}

async function keysOf(orgId: string, { documents }: SealedBy): Promise<OrgKeysDocument> {
  const { body } = await documents.get<OrgKeysDocument>(orgKeysPath(orgId));
  if (body === undefined) throw new AppError("SEALED_UNREADABLE", "The organization has no key any more.");
  return body;
}

async function wrapperOf(
  orgId: string,
  { wrappingKey, keyVersion }: OrgKeysDocument,
  by: Pick<SealedBy, "keys">,
): Promise<KeyWrapper> {
  const key = await by.keys.open(wrappingKey, wrappingContext(orgId));
  return localWrapper({ key, keyName: orgKeysPath(orgId), keyVersion });
}

function wrappingContext(orgId: string): string {
  return `v1|${orgId}|wrapping-key`;
}

function pseudonymContext(orgId: string): string {
  return `v1|${orgId}|pseudonym-key`;
}
