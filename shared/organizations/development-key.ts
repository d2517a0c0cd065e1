import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { ApiKeyDocument } from "#shared/access/verify.ts";
import { apiKeyContext } from "#shared/api-keys/stored-key.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { everyDocument, type WholeQuery } from "#shared/platform/documents/pages.ts";
import type { Keys, Sealed } from "#shared/platform/keys/keys.ts";
import { type Configuration, isDevelopment } from "#shared/runtime/config.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { organizationNamed } from "./organization-named.ts";

export const DevelopmentKey = strictObject({ org_slug: Type.String(), api_key: Type.String(), message: Type.String() });
export type DevelopmentKey = Static<typeof DevelopmentKey>;

/**
 * The primary key of the organization, opened from its sealed copy. Refused before anything is read where the endpoint
 * does not exist, so that the answer is the same for every name.
 */
export async function revealDevelopmentKey(
  slug: string,
  effects: Effects<DevelopmentKey>,
  given: { documents: Documents; keys: Keys; config: Configuration },
): Promise<DevelopmentKey> {
  if (!isDevelopment(given.config))
    throw new AppError("DEVELOPMENT_ONLY", "This exists on development installations only.");
  const org = await organizationNamed(slug, given.documents);
  const primary = await primaryKey(org, given.documents);
  const plaintext = await given.keys.open(primary.sealedKey, apiKeyContext(org.orgId, primary.keyId));
  const answer = {
    org_slug: org.slug,
    api_key: new TextDecoder().decode(plaintext),
    message: "For development only; production keeps no copy.",
  };
  return effects.commit(async (change) => {
    await effects.prepare(change);
    effects.conclude(change, answer, { org, resourceId: primary.keyId });
    return answer;
  });
}

async function primaryKey(org: OrgIdentity, documents: Documents): Promise<ApiKeyDocument & { sealedKey: Sealed }> {
  const query: WholeQuery = {
    collection: "apiKeys",
    filters: [{ field: "org", is: "==", value: org.key }],
    orderBy: [{ field: "createdAt", direction: "desc" }],
  };
  for await (const { body } of everyDocument<ApiKeyDocument & { sealedKey: Sealed | null }>(query, documents)) {
    if (body.primary && body.state === "ACTIVE" && body.sealedKey !== null)
      return { ...body, sealedKey: body.sealedKey };
  }
  throw new AppError("KEY_NOT_FOUND", "There is no sealed copy of this organization's key.");
}
