import type { OrgIdentity } from "#shared/access/caller.ts";
import { credentialContext, openForOrg } from "#shared/access/org-keys.ts";
import { plans } from "#shared/plans/plans.ts";
import { effectiveSubscription, type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import { providers } from "#shared/providers/load-registry.ts";
import type { ProviderEntry } from "#shared/providers/registry-schema.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { subscriptionInactive } from "#shared/runtime/subscription-gate.ts";
import { type CredentialDocument, credentialPath, type IntegrationsIndex, indexPath } from "./credential.ts";
import { credentialHistory } from "./credential-history.ts";
import { acceptedByProvider } from "./provider-check.ts";
import { type IntegrationPorts, nothingMore, sameName, type WhenUsable } from "./setup.ts";
import { type SetupAnswer, setupAnswer } from "./setup-answer.ts";
import { publishStatusMove } from "./status-event.ts";

/**
 * Asks the provider again about a stored credential and moves its status by the answer. Network trouble moves no status:
 * it is kept as the last error and answered as 503. Without a name: `default`, or the only one there is.
 */
export async function validateIntegration(
  asked: { org: OrgIdentity; provider: string; credentialName: string | undefined; whenUsable?: WhenUsable },
  effects: Effects<SetupAnswer>,
  given: IntegrationPorts,
): Promise<SetupAnswer> {
  const { org } = asked;
  const entry = (await providers()).provider(asked.provider);
  await refuseInactive(org, given);
  const credential = await namedCredential(org, entry.slug, asked.credentialName, given);
  const checked = await askedAgain({ org, entry, credential }, given).catch(async (error: unknown) => {
    if (isAppError(error, "PROVIDER_UNAVAILABLE"))
      await effects.commit((change) => rememberTrouble(org, credential, error.message, change));
    throw error;
  });
  return effects.commit(async (change) => {
    const path = credentialPath(org, credential.credentialId);
    const stored = await change.get<CredentialDocument>(path);
    await effects.prepare(change);
    if (stored.body?.secretVersion !== credential.secretVersion) {
      throw new AppError("VERSION_CONFLICT", "The credential was replaced meanwhile; try again.", { retryable: true });
    }
    const isUsable = checked.document.status === "VALID" || checked.document.status === "PARTIAL_VALID";
    const writeMore = await (isUsable ? (asked.whenUsable ?? nothingMore) : nothingMore)(org, entry.slug, change);
    change.set<CredentialDocument>(path, checked.document);
    change.history(credentialHistory(org, checked.document, { stored, now: change.now, operation: "UPDATE" }));
    writeMore();
    publishStatusMove(org, stored.body.status, checked.document, change);
    const answer = setupAnswer(checked.document, checked, stored.readAt);
    effects.conclude(change, answer, {
      resourceId: credential.credentialId,
      details: { from: credential.status, to: checked.document.status },
    });
    return answer;
  });
}

/** The credential as the provider's answer makes it. Throws `PROVIDER_UNAVAILABLE` when there is none. */
export async function askedAgain(
  { org, entry, credential }: { org: OrgIdentity; entry: ProviderEntry; credential: CredentialDocument },
  given: IntegrationPorts,
): Promise<{ document: CredentialDocument; message: string }> {
  const context = credentialContext(org.orgId, entry.slug, credential.credentialId, credential.secretVersion);
  const secret = await openForOrg(org.orgId, credential.sealed, context, given);
  return outcomeOf(credential, () => acceptedByProvider(entry, secret, credential.metadata, given), given);
}

async function outcomeOf(
  credential: CredentialDocument,
  ask: () => ReturnType<typeof acceptedByProvider>,
  given: IntegrationPorts,
): Promise<{ document: CredentialDocument; message: string }> {
  const lastValidatedAt = given.clock.now().toISOString();
  if (credential.simulated && given.config.CA_PROVIDER_SIMULATOR_URL === undefined) {
    const lastError = "SIMULATED_CREDENTIAL: it was checked against the simulator and is refused without it.";
    return { document: { ...credential, status: "INVALID", lastError, lastValidatedAt }, message: lastError };
  }
  try {
    const outcome = await ask();
    const { status, capabilities, checks, leastPrivilege, message } = outcome;
    const simulated = credential.simulated || given.config.CA_PROVIDER_SIMULATOR_URL !== undefined;
    return {
      document: {
        ...credential,
        status,
        capabilities,
        checks,
        leastPrivilege,
        simulated,
        lastError: null,
        lastValidatedAt,
      },
      message,
    };
  } catch (error) {
    if (!isAppError(error, "CREDENTIAL_REJECTED")) throw error;
    return {
      document: { ...credential, status: "INVALID", lastError: error.message, lastValidatedAt },
      message: error.message,
    };
  }
}

/** Keeps what stood in the way as the credential's last error; its status stays. */
export async function rememberTrouble(
  org: OrgIdentity,
  { credentialId, secretVersion }: CredentialDocument,
  lastError: string,
  change: Change,
): Promise<void> {
  const path = credentialPath(org, credentialId);
  const stored = await change.get<CredentialDocument>(path);
  if (stored.body?.secretVersion !== secretVersion) return;
  const document = { ...stored.body, lastError };
  change.set<CredentialDocument>(path, document);
  change.history(credentialHistory(org, document, { stored, now: change.now, operation: "UPDATE" }));
}

async function refuseInactive(org: OrgIdentity, given: IntegrationPorts): Promise<void> {
  const { body, readAt } = await given.documents.get<SubscriptionDocument>(subscriptionPath(org));
  const effective = effectiveSubscription(body, await plans(), readAt);
  if (!effective.canRun) throw subscriptionInactive(effective);
}

async function namedCredential(
  org: OrgIdentity,
  slug: string,
  name: string | undefined,
  given: IntegrationPorts,
): Promise<CredentialDocument> {
  const { body: index } = await given.documents.get<IntegrationsIndex>(indexPath(org));
  const connected = Object.entries(index?.providers[slug]?.credentials ?? {});
  const wanted = connected.find(([, credential]) => sameName(credential.name, name ?? "default"));
  const id = wanted?.[0] ?? (name === undefined && connected.length === 1 ? connected[0]?.[0] : undefined);
  if (id === undefined && name === undefined && connected.length > 1) {
    throw new AppError("CREDENTIAL_AMBIGUOUS", "There are several credentials; say which one with credential_name.");
  }
  const credential =
    id === undefined ? undefined : (await given.documents.get<CredentialDocument>(credentialPath(org, id))).body;
  if (credential === undefined)
    throw new AppError("INTEGRATION_NOT_FOUND", "This provider is not connected, or not under this name.");
  return credential;
}
