import type { OrgIdentity } from "./caller.ts";

/**
 * What stands in place of an organization where the platform's own pipelines are meant. The word is reserved, so no
 * organization has it; only the operator reaches it, by functions that declare `takesPlatform`.
 */
export const platformScope: OrgIdentity = { slug: "platform", key: "platform", orgId: "_platform" };

export function isPlatformScope({ key }: Pick<OrgIdentity, "key">): boolean {
  return key === platformScope.key;
}
