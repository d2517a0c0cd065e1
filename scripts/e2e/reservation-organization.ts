import type { OrgIdentity } from "#shared/access/caller.ts";
import {
  type CredentialDocument,
  credentialPath,
  type IntegrationsIndex,
  indexPath,
} from "#shared/integrations/credential.ts";
import { type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";

/** Stores what a trigger asks of an organization: a plan of so many runs a day and at once, and one connected credential. */
export async function storeAdmissible(documents: Documents, org: OrgIdentity, runs: number): Promise<void> {
  const subscription: SubscriptionDocument = {
    subscriptionId: "sub_01",
    plan: "PROFESSIONAL",
    status: "ACTIVE",
    hold: false,
    overrides: { daily: runs, monthly: 25_000, concurrent: runs },
    trialEndsAt: null,
    graceEndsAt: null,
    endDate: null,
  };
  const connected = { since: new Date().toISOString(), credentials: { cred_1: { name: "one", accountId: "acc" } } };
  const credential: Partial<CredentialDocument> = {
    credentialId: "cred_1",
    provider: "openai",
    status: "VALID",
    capabilities: {},
    expiresAt: null,
  };
  await documents.transaction(async (tx) => {
    tx.create(subscriptionPath(org), subscription);
    tx.create<IntegrationsIndex>(indexPath(org), { providers: { openai: connected } });
    tx.create(credentialPath(org, "cred_1"), credential);
  });
}
