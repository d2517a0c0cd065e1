import { type Static, Type } from "@sinclair/typebox";
import { publishedPublicKeys } from "#shared/access/platform-keys.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";

/** A JSON Web Key Set (RFC 7517). */
export const PublishedKeys = strictObject({
  keys: Type.Array(
    strictObject({
      kty: choice(["OKP"]),
      crv: choice(["Ed25519"]),
      alg: choice(["EdDSA"]),
      use: choice(["sig"]),
      kid: Type.String(),
      x: Type.String(),
    }),
  ),
});
export type PublishedKeys = Static<typeof PublishedKeys>;

/** The signing key's public half and its predecessor's; empty before the first token was made. */
export async function publishedKeys(documents: Documents): Promise<PublishedKeys> {
  return { keys: await publishedPublicKeys(documents) };
}
