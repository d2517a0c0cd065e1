import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Change } from "#shared/runtime/change.ts";
import { type CredentialDocument, type IntegrationsIndex, indexPath } from "./credential.ts";
import { credentialHistory } from "./credential-history.ts";

/**
 * Destroys every sealed credential of the organization, for whoever ends it; answers how many. All reads come before
 * its first write.
 */
export async function removeEveryIntegration(org: OrgIdentity, change: Change): Promise<() => number> {
  const { body: index } = await change.get<IntegrationsIndex>(indexPath(org));
  const { documents } = await change.list<CredentialDocument>({
    collection: `orgs/${org.key}/credentials`,
    limit: 500,
  });
  return () => {
    if (index !== undefined) change.set<IntegrationsIndex>(indexPath(org), { ...index, providers: {} });
    for (const stored of documents) {
      change.delete(stored.path);
      change.history(credentialHistory(org, stored.body, { stored, now: change.now, operation: "DELETE" }));
    }
    return documents.length;
  };
}
