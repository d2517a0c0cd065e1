import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Snapshot } from "#shared/platform/documents/documents.ts";
import type { HistoryEntry } from "#shared/runtime/change.ts";
import type { CredentialDocument } from "./credential.ts";

/** The credential's document as it was before the change. */
type Stored = Pick<Snapshot<object>, "version" | "createdAt">;

/** A row of `org_integration_credentials`: status and fingerprint, never the secret or its ciphertext. */
export function credentialHistory(
  org: OrgIdentity,
  credential: CredentialDocument,
  at: { stored: Stored; now: Date; operation: "CREATE" | "UPDATE" | "DELETE" },
): HistoryEntry {
  return {
    table: "org_integration_credentials",
    operation: at.operation,
    version: at.stored.version + 1,
    row: {
      credential_id: credential.credentialId,
      org_slug: org.slug,
      provider: credential.provider,
      credential_name: credential.name,
      credential_type: "API_KEY",
      fingerprint: credential.fingerprint,
      kms_key_name: credential.sealed.keyName,
      kms_key_version: credential.sealed.keyVersion,
      encrypted_credential: null,
      validation_status: credential.status,
      last_validated_at: credential.lastValidatedAt,
      last_error: credential.lastError,
      metadata: credential.metadata,
      account_id: credential.accountId,
      environment: credential.environment,
      default_hierarchy_entity_id: credential.defaultHierarchyEntityId ?? null,
      is_active: at.operation !== "DELETE",
      created_by_user_id: null,
      created_at: at.stored.createdAt ?? at.now.toISOString(),
      updated_at: at.now.toISOString(),
      expires_at: credential.expiresAt,
    },
  };
}
