import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Sealed } from "#shared/platform/keys/keys.ts";

/** Document `platform/keys`: the platform's own keys, what is secret of them sealed. Other rooms add members of theirs. */
export interface PlatformKeysDocument {
  /** Newest first; the first signs, and those published verify. */
  signing?: readonly SigningKey[];
  /** What the tokens against forged requests are made with. */
  csrf?: Sealed;
}

export interface SigningKey {
  kid: string;
  /** Ed25519, public part, base64url. */
  x: string;
  /** PKCS #8, DER. */
  sealedPrivateKey: Sealed;
  createdAt: string;
}

/** A verification key as `/.well-known/jwks.json` publishes it (RFC 8037). */
export interface PublishedKey {
  kty: "OKP";
  crv: "Ed25519";
  alg: "EdDSA";
  use: "sig";
  kid: string;
  x: string;
}

export const platformKeysPath = "platform/keys";

/** The key that signs and the one before it, whose tokens may still be about. */
const publishedKeys = 2;

/** The verification keys that are published, newest first. */
export function publicKeysOf(document: PlatformKeysDocument | undefined): PublishedKey[] {
  return (document?.signing ?? [])
    .slice(0, publishedKeys)
    .map(({ kid, x }) => ({ kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig", kid, x }));
}

/** As published at this moment; empty before the first token was made. */
export async function publishedPublicKeys(documents: Documents): Promise<PublishedKey[]> {
  return publicKeysOf((await documents.get<PlatformKeysDocument>(platformKeysPath)).body);
}
