import type { OrgIdentity } from "#shared/access/caller.ts";
import {
  type CredentialDocument,
  credentialPath,
  effectiveStatus,
  type IntegrationsIndex,
} from "#shared/integrations/credential.ts";
import type { Documents, Snapshot } from "#shared/platform/documents/documents.ts";
import { providers } from "#shared/providers/load-registry.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { isOwnProvider, noCredentialId } from "./own-pipelines.ts";
import type { Pipeline } from "./pipeline.ts";

/** What the rules of a pipeline's provider ask of a credential. */
export interface CredentialNeeds {
  provider: string;
  /** One of these has to be available where not all of the credential is; none: any credential that is valid in part. */
  capabilities: readonly string[];
  /** False for pipelines of the platform's own, which call nobody. */
  isNeeded: boolean;
}

export async function credentialNeeds(pipeline: Pipeline): Promise<CredentialNeeds> {
  const { provider } = pipeline.config;
  if (isOwnProvider(provider)) return { provider, capabilities: [], isNeeded: false };
  const entry = (await providers()).provider(provider);
  return { provider: entry.slug, capabilities: entry.needed_capabilities[pipeline.address] ?? [], isNeeded: true };
}

/**
 * The credentials a trigger runs with: the one it names, or all usable ones of the provider. Throws
 * `INTEGRATION_NOT_CONFIGURED`, `CREDENTIAL_NOT_FOUND`, or what stands in the way of the only one.
 */
export async function chosenCredentials(
  { org, index, asked }: { org: OrgIdentity; index: IntegrationsIndex | undefined; asked: string | undefined },
  needs: CredentialNeeds,
  documents: Documents,
): Promise<string[]> {
  const ids = needs.isNeeded
    ? Object.keys(index?.providers[needs.provider]?.credentials ?? {}).sort()
    : [noCredentialId];
  if (ids.length === 0) throw notConfigured(needs.provider);
  if (asked !== undefined) {
    if (!ids.includes(asked))
      throw new AppError("CREDENTIAL_NOT_FOUND", "There is no such credential of this provider.");
    return [asked];
  }
  if (ids.length === 1) return ids;
  const stored = await documents.getAll<CredentialDocument>(ids.map((id) => credentialPath(org, id)));
  const problems = stored.map((snapshot) => problemOf(snapshot, needs));
  const usable = ids.filter((_, at) => problems[at] === undefined);
  if (usable.length === 0) throw problems[0] ?? notConfigured(needs.provider);
  return usable;
}

/** Throws what keeps a stored credential from being used: not connected, not checked yet, refused, or short of what is needed. */
export function refuseUnusable(snapshot: Snapshot<CredentialDocument> | undefined, needs: CredentialNeeds): void {
  if (!needs.isNeeded) return;
  if (snapshot?.body === undefined) throw notConfigured(needs.provider);
  const { body, readAt } = snapshot;
  const status = effectiveStatus(body, readAt);
  if (status === "PENDING") throw new AppError("INTEGRATION_NOT_READY", "The credential has not been checked yet.");
  if (status === "INVALID" || status === "EXPIRED")
    throw new AppError("INTEGRATION_INVALID", `The credential is ${status}; replace it with setup.`);
  const available = Object.entries(body.capabilities)
    .filter(([, capability]) => capability?.status === "available")
    .map(([name]) => name);
  const isShort = needs.capabilities.length > 0 && !needs.capabilities.some((name) => available.includes(name));
  if (status === "PARTIAL_VALID" && isShort) {
    throw new AppError(
      "INTEGRATION_INVALID",
      `The credential may not do what this pipeline needs: ${needs.capabilities.join(" or ")}.`,
    );
  }
}

function problemOf(snapshot: Snapshot<CredentialDocument>, needs: CredentialNeeds): AppError | undefined {
  try {
    refuseUnusable(snapshot, needs);
    return undefined;
  } catch (error) {
    if (!isAppError(error)) throw error;
    return error;
  }
}

function notConfigured(provider: string): AppError {
  return new AppError(
    "INTEGRATION_NOT_CONFIGURED",
    `Connect ${provider} first: POST /api/v1/integrations/{org}/${provider}/setup.`,
  );
}
