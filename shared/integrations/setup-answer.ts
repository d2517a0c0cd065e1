import { type Static, Type } from "@sinclair/typebox";
import type { ValidationOutcome } from "#shared/providers/provider.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { type CredentialDocument, credentialStatuses, effectiveStatus } from "./credential.ts";

const text = Type.String();

/** Answer of setup and validate (`providers.md` 1.4); the first seven names are those of older clients. */
export const SetupAnswer = strictObject({
  success: Type.Boolean(),
  provider: text,
  credential_id: text,
  credential_name: text,
  validation_status: choice(credentialStatuses),
  validation_error: nullable(text),
  message: text,
  status: choice(credentialStatuses),
  fingerprint: text,
  version: Type.Integer(),
  account_id: text,
  capabilities: Type.Record(text, strictObject({ status: text, reason: nullable(text), via: nullable(text) })),
  checks: Type.Array(
    strictObject({
      name: text,
      outcome: choice(["ok", "denied", "failed", "skipped"]),
      http_status: nullable(Type.Integer()),
      message: nullable(text),
    }),
  ),
  least_privilege: strictObject({ state: choice(["ok", "over_privileged", "unknown"]), hints: Type.Array(text) }),
});
export type SetupAnswer = Static<typeof SetupAnswer>;

export function setupAnswer(
  credential: CredentialDocument,
  outcome: Pick<ValidationOutcome, "message">,
  now: Date,
): SetupAnswer {
  const status = effectiveStatus(credential, now);
  return {
    success: status === "VALID" || status === "PARTIAL_VALID",
    provider: credential.provider,
    credential_id: credential.credentialId,
    credential_name: credential.name,
    validation_status: status,
    validation_error: credential.lastError,
    message: outcome.message,
    status,
    fingerprint: credential.fingerprint,
    version: credential.secretVersion,
    account_id: credential.accountId,
    capabilities: credential.capabilities,
    checks: credential.checks,
    least_privilege: credential.leastPrivilege,
  };
}
