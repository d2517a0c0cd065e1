import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Change } from "#shared/runtime/change.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import type { CredentialDocument } from "./credential.ts";

/** Message to `credential-check`: a provider has refused a credential in the middle of a run. */
export const CredentialCheck = strictObject({
  v: Type.Literal(1),
  org: Type.String({ pattern: "^[a-z0-9_]{3,50}$" }),
  credential_id: Type.String({ pattern: "^cred_[0-9A-Za-z]{20}$" }),
  /** Of the secret that was refused. */
  secret_version: Type.Integer({ minimum: 1 }),
  refused_at: Type.String({ format: "date-time" }),
});
export type CredentialCheck = Static<typeof CredentialCheck>;

const refusals = new Set(["PROVIDER_UNAUTHORIZED", "PROVIDER_FORBIDDEN"]);

/** Whether a failure is the provider's refusal of a credential. */
export function isRefusal(code: string | undefined): boolean {
  return code !== undefined && refusals.has(code);
}

/** Has a credential asked about again that the provider has just refused. */
export function publishRefusal(
  { org, credential }: { org: OrgIdentity; credential: CredentialDocument },
  change: Change,
): void {
  // The platform's own pipelines have none.
  if (credential.secretVersion === 0) return;
  const { credentialId: credential_id, secretVersion: secret_version } = credential;
  const payload: CredentialCheck = {
    ...{ v: 1, org: org.key, credential_id, secret_version },
    refused_at: change.now.toISOString(),
  };
  change.publish({ topic: "credential-check", payload, attributes: { org: org.key } }, org);
}
