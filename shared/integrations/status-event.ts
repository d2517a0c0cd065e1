import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { CredentialDocument, CredentialStatus } from "./credential.ts";

/** Payload of topic `events`: what a provider makes of a credential has changed. */
export interface IntegrationEvent {
  v: 1;
  kind: "integration.status_changed";
  org: string;
  provider: string;
  credential_id: string;
  from: CredentialStatus;
  to: CredentialStatus;
  /** Why, in the provider's words without any secret; null where the credential is accepted. */
  reason: string | null;
}

/** Tells whoever informs people, in the transaction of the move; nothing where the status stays. Source: `providers.md` 1.5. */
export function publishStatusMove(
  org: OrgIdentity,
  from: CredentialStatus,
  { provider, credentialId, status: to, lastError: reason }: CredentialDocument,
  change: Change,
): void {
  if (from === to) return;
  const kind = "integration.status_changed";
  const payload: IntegrationEvent = {
    v: 1,
    kind,
    org: org.key,
    provider,
    credential_id: credentialId,
    from,
    to,
    reason,
  };
  change.publish({ topic: "events", payload, attributes: { org: org.key, kind } }, org);
}
