import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { providers } from "#shared/providers/load-registry.ts";
import type { Change } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { type CredentialDocument, credentialPath, type IntegrationsIndex, indexPath } from "./credential.ts";
import { credentialHistory } from "./credential-history.ts";
import { sameName } from "./setup.ts";

export const RemovalAnswer = strictObject({
  success: Type.Boolean(),
  provider: Type.String(),
  message: Type.String(),
  deleted: Type.Array(Type.String()),
});
export type RemovalAnswer = Static<typeof RemovalAnswer>;

/** Credentials of a provider that go in a transaction. */
export interface RemovedCredentials {
  /** Slug of the registry. */
  provider: string;
  credentialIds: readonly string[];
  /** None of the provider is left. */
  isLast: boolean;
}

/** What else hangs on credentials that go; reads, and answers what writes. */
type WhenRemoved = (org: OrgIdentity, removed: RemovedCredentials, change: Change) => Promise<() => void>;

/**
 * Destroys the sealed values of a provider's credentials - all, or the named one. Published history stays; a run that
 * still holds such a credential publishes nothing any more, because publishing reads the credential's document.
 */
export async function removeIntegration(
  asked: { org: OrgIdentity; provider: string; credentialName: string | undefined; whenRemoved?: WhenRemoved },
  change: Change,
): Promise<RemovalAnswer> {
  const { org, credentialName } = asked;
  const entry = (await providers()).provider(asked.provider);
  const index = (await change.get<IntegrationsIndex>(indexPath(org))).body ?? { providers: {} };
  const connected = index.providers[entry.slug];
  const all = Object.entries(connected?.credentials ?? {});
  const chosen = all.filter(
    ([, credential]) => credentialName === undefined || sameName(credential.name, credentialName),
  );
  if (connected === undefined || chosen.length === 0) {
    throw new AppError("INTEGRATION_NOT_FOUND", "This provider is not connected, or not under this name.");
  }
  const deleted = chosen.map(([id]) => id);
  const documents = await change.getAll<CredentialDocument>(deleted.map((id) => credentialPath(org, id)));
  const credentials = Object.fromEntries(all.filter(([id]) => !deleted.includes(id)));
  const { [entry.slug]: _removed, ...others } = index.providers;
  const isEmpty = Object.keys(credentials).length === 0;
  const removed = { provider: entry.slug, credentialIds: deleted, isLast: isEmpty };
  const writeMore = await asked.whenRemoved?.(org, removed, change);
  change.set<IntegrationsIndex>(indexPath(org), {
    providers: isEmpty ? others : { ...others, [entry.slug]: { ...connected, credentials } },
  });
  for (const stored of documents) {
    change.delete(stored.path);
    if (stored.body !== undefined)
      change.history(credentialHistory(org, stored.body, { stored, now: change.now, operation: "DELETE" }));
  }
  writeMore?.();
  return {
    success: true,
    provider: entry.slug,
    message: `${entry.display_name} is disconnected; its published history stays.`,
    deleted,
  };
}
