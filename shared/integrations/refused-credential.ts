import type { OrgIdentity } from "#shared/access/caller.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { providers } from "#shared/providers/load-registry.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { type CredentialDocument, credentialPath } from "./credential.ts";
import { credentialHistory } from "./credential-history.ts";
import type { CredentialCheck } from "./credential-refusal.ts";
import type { IntegrationPorts } from "./setup.ts";
import { publishStatusMove } from "./status-event.ts";
import { askedAgain, rememberTrouble } from "./validate.ts";

/** Document `leases/credential-check:{credentialId}`: who asks the provider just now. */
interface CheckLease {
  until: string;
}

/** Longer than a validation may take. */
const leaseMilliseconds = 60_000;

/**
 * Asks the provider whether it still takes the credential, and moves its status by the answer. Of many runs that were
 * refused together one asks: the others find it asked about since, or come again while it is. Trouble on the way moves
 * nothing. Throws `CREDENTIAL_CHECK_RUNNING` (retryable). Source: `providers.md` 1.5.
 */
export async function checkRefused(message: CredentialCheck, given: IntegrationPorts & CheckPorts): Promise<void> {
  const taken = await commitChange((change) => takeCheck(message, change), given);
  if (taken === undefined) return;
  const { org, credential } = taken;
  const entry = (await providers()).provider(credential.provider);
  try {
    const { document } = await askedAgain({ org, entry, credential }, given);
    await commitChange((change) => writeMove(org, { from: credential, to: document }, change), given);
  } catch (error) {
    const trouble = isAppError(error, "PROVIDER_UNAVAILABLE") ? error.message : undefined;
    await commitChange(async (change) => {
      const release = await releaseCheck(credential, change);
      if (trouble !== undefined) await rememberTrouble(org, credential, trouble, change);
      release();
    }, given);
    if (trouble === undefined) throw error;
  }
}

type CheckPorts = Parameters<typeof commitChange>[1];

interface TakenCheck {
  org: OrgIdentity;
  credential: CredentialDocument;
}

/** Undefined where there is nothing to ask any more: the credential is gone, replaced, or asked about since. */
async function takeCheck(message: CredentialCheck, change: Change): Promise<TakenCheck | undefined> {
  const { org: key, credential_id, secret_version, refused_at } = message;
  const { body: owner } = await change.get<OrgDocument>(orgPath(key));
  if (owner?.state !== "ACTIVE") return undefined;
  const org = { key, slug: owner.slug, orgId: owner.orgId };
  const { body: credential } = await change.get<CredentialDocument>(credentialPath(org, credential_id));
  const lease = await change.get<CheckLease>(leasePath(credential_id));
  if (credential?.secretVersion !== secret_version || credential.lastValidatedAt > refused_at) return undefined;
  const now = lease.readAt.getTime();
  if (lease.body !== undefined && Date.parse(lease.body.until) > now)
    throw new AppError("CREDENTIAL_CHECK_RUNNING", "The provider is being asked just now.", { retryable: true });
  change.set<CheckLease>(leasePath(credential_id), { until: new Date(now + leaseMilliseconds).toISOString() });
  return { org, credential };
}

async function writeMove(
  org: OrgIdentity,
  { from, to }: { from: CredentialDocument; to: CredentialDocument },
  change: Change,
): Promise<void> {
  const path = credentialPath(org, from.credentialId);
  const stored = await change.get<CredentialDocument>(path);
  const release = await releaseCheck(from, change);
  release();
  if (stored.body?.secretVersion !== from.secretVersion) return;
  const { status, capabilities, checks, leastPrivilege, simulated, lastError, lastValidatedAt } = to;
  const found = { status, capabilities, checks, leastPrivilege, simulated, lastError, lastValidatedAt };
  // What a person has set meanwhile stays.
  const next: CredentialDocument = { ...stored.body, ...found };
  change.set<CredentialDocument>(path, next);
  change.history(credentialHistory(org, next, { stored, now: change.now, operation: "UPDATE" }));
  if (stored.body.status === status) return;
  publishStatusMove(org, stored.body.status, next, change);
  recordMove(org, stored.body, next, change);
}

function recordMove(org: OrgIdentity, from: CredentialDocument, to: CredentialDocument, change: Change): void {
  change.audit({
    ...{ org, actorKind: "system", apiKeyId: null, userId: null },
    ...{ action: "integration.status_changed", operation: "UPDATE", resourceType: "integration" },
    resourceId: to.credentialId,
    details: { provider: to.provider, from: from.status, to: to.status, reason: to.lastError },
    ...{ ipAddress: null, userAgent: null, requestId: null, status: "SUCCESS", errorMessage: null },
  });
}

async function releaseCheck({ credentialId }: CredentialDocument, change: Change): Promise<() => void> {
  await change.get<CheckLease>(leasePath(credentialId));
  return () => change.delete(leasePath(credentialId));
}

function leasePath(credentialId: string): string {
  return `leases/credential-check:${credentialId}`;
}
