import { pseudonymsOf, type SealedBy } from "#shared/access/org-keys.ts";
import type { PullContext } from "#shared/providers/provider.ts";
import type { Claim } from "./claim.ts";

/**
 * How people appear in the rows of a run, by the `user_detail` of its credential. The pseudonym key is opened for the
 * first person, so that pulls without people need none. Source: `providers.md` 2.6.
 */
export function userRefs(
  { run, credential }: Pick<Claim, "run" | "credential">,
  by: SealedBy,
): NonNullable<PullContext["userRef"]> {
  let opened: ReturnType<typeof pseudonymsOf> | undefined;
  const pseudonyms = (): ReturnType<typeof pseudonymsOf> => {
    opened ??= pseudonymsOf(run.org.orgId, by).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return async (value) => {
    if (credential.userDetail === "none") return null;
    return credential.userDetail === "email" ? value : (await pseudonyms())(value);
  };
}
