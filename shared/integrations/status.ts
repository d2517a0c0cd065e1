import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { plans } from "#shared/plans/plans.ts";
import { effectiveSubscription, type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import type { Documents, Found } from "#shared/platform/documents/documents.ts";
import { allDocuments } from "#shared/platform/documents/pages.ts";
import { providers } from "#shared/providers/load-registry.ts";
import type { ProviderEntry } from "#shared/providers/registry-schema.ts";

import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import {
  CredentialAnswer,
  type CredentialDocument,
  credentialStatuses,
  effectiveStatus,
  type IntegrationsIndex,
  indexPath,
  integrationStatus,
} from "./credential.ts";

const nullableText = nullable(Type.String());

/** One provider of the organization; the flat fields show the credential `default`, else the oldest. */
export const IntegrationStatus = strictObject({
  provider: Type.String(),
  legacy_provider: Type.String(),
  display_name: Type.String(),
  status: choice([...credentialStatuses, "NOT_CONFIGURED"]),
  credential_name: nullableText,
  last_validated_at: nullable(Type.String({ format: "date-time" })),
  last_error: nullableText,
  created_at: nullable(Type.String({ format: "date-time" })),
  metadata: Type.Record(Type.String(), Type.Unknown()),
  credentials: Type.Array(CredentialAnswer),
});
export type IntegrationStatus = Static<typeof IntegrationStatus>;

export const IntegrationList = strictObject({
  org_slug: Type.String(),
  integrations: Type.Record(Type.String(), IntegrationStatus),
  all_valid: Type.Boolean(),
  providers_configured: Type.Array(Type.String()),
  providers_used: Type.Integer(),
  providers_limit: nullable(Type.Integer()),
});
export type IntegrationList = Static<typeof IntegrationList>;

type StoredCredential = Found<CredentialDocument>;

/** The state of one provider; a known provider that is not connected is NOT_CONFIGURED. */
export async function integrationOf(
  org: OrgIdentity,
  provider: string,
  documents: Documents,
): Promise<IntegrationStatus> {
  const entry = (await providers()).provider(provider);
  return statusOf(entry, await credentialsOf(org, documents));
}

/** The state of every provider of the registry. */
export async function integrationsOf(org: OrgIdentity, documents: Documents): Promise<IntegrationList> {
  const [registry, catalogue, credentials, snapshots] = await Promise.all([
    providers(),
    plans(),
    credentialsOf(org, documents),
    documents.getAll<object>([indexPath(org), subscriptionPath(org)]),
  ]);
  const [index, subscription] = snapshots;
  const configured = Object.keys((index?.body as IntegrationsIndex | undefined)?.providers ?? {}).sort();
  const integrations = Object.fromEntries(
    registry.entries().map((entry) => [entry.slug, statusOf(entry, credentials)]),
  );
  const effective = effectiveSubscription(
    subscription?.body as SubscriptionDocument | undefined,
    catalogue,
    index?.readAt ?? new Date(),
  );
  return {
    org_slug: org.slug,
    integrations,
    all_valid: configured.length > 0 && configured.every((slug) => integrations[slug]?.status === "VALID"),
    providers_configured: configured,
    providers_used: configured.length,
    providers_limit: effective.limits.providers,
  };
}

async function credentialsOf(org: OrgIdentity, documents: Documents): Promise<StoredCredential[]> {
  const found = await allDocuments<CredentialDocument>({ collection: `orgs/${org.key}/credentials` }, documents);
  return found.sort((a, b) => (a.createdAt ?? "").localeCompare(b.createdAt ?? ""));
}

function statusOf(entry: ProviderEntry, all: readonly StoredCredential[]): IntegrationStatus {
  const own = all.filter(({ body }) => body.provider === entry.slug);
  const shown = own.find(({ body }) => body.name.toLowerCase() === "default") ?? own[0];
  return {
    provider: entry.slug,
    legacy_provider: entry.legacy_key,
    display_name: entry.display_name,
    status: integrationStatus(own.map(({ body, readAt }) => effectiveStatus(body, readAt))),
    credential_name: shown?.body.name ?? null,
    last_validated_at: shown?.body.lastValidatedAt ?? null,
    last_error: shown?.body.lastError ?? null,
    created_at: shown?.createdAt ?? null,
    metadata: shown?.body.metadata ?? {},
    credentials: own.map(credentialAnswer),
  };
}

function credentialAnswer({ body, createdAt, updatedAt, readAt, version }: StoredCredential): CredentialAnswer {
  return {
    credential_id: body.credentialId,
    credential_name: body.name,
    environment: body.environment,
    status: effectiveStatus(body, readAt),
    fingerprint: body.fingerprint,
    account_id: body.accountId,
    created_at: createdAt ?? body.lastValidatedAt,
    updated_at: updatedAt ?? body.lastValidatedAt,
    expires_at: body.expiresAt,
    last_validated_at: body.lastValidatedAt,
    last_error: body.lastError,
    version,
    kms_key_version: body.sealed.keyVersion,
    metadata: body.metadata,
    capabilities: body.capabilities,
    simulated: body.simulated,
    default_hierarchy_entity_id: body.defaultHierarchyEntityId ?? null,
  };
}
