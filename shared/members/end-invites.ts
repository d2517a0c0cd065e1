import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Change } from "#shared/runtime/change.ts";
import { ended, type InviteDocument } from "./invite.ts";

/** Cancels every open invite of the organization, for whoever ends it; answers how many. All reads come before its first write. */
export async function endEveryInvite(org: OrgIdentity, change: Change): Promise<() => number> {
  const page = await change.list<InviteDocument>({
    collection: `orgs/${org.key}/invites`,
    filters: [{ field: "status", is: "==", value: "PENDING" }],
    orderBy: [{ field: "createdAt", direction: "desc" }],
    limit: 500,
  });
  return () => {
    for (const { path, body, readAt } of page.documents)
      change.set<InviteDocument>(path, ended(body, "CANCELLED", readAt));
    return page.documents.length;
  };
}
