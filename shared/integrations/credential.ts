import { randomInt } from "node:crypto";
import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Sealed } from "#shared/platform/keys/keys.ts";
import type { Capabilities, Check, LeastPrivilege } from "#shared/providers/provider.ts";
import type { ProviderEntry } from "#shared/providers/registry-schema.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";

export const credentialStatuses = ["PENDING", "VALID", "PARTIAL_VALID", "INVALID", "EXPIRED"] as const;
export type CredentialStatus = (typeof credentialStatuses)[number];

/** How people appear in the rows of a credential: not at all, by pseudonym, or as the provider names them. */
export const userDetails = ["none", "pseudonym", "email"] as const;

/** Document `orgs/{key}/credentials/{credentialId}`: one named access to one provider account. */
export interface CredentialDocument {
  credentialId: string;
  provider: string;
  name: string;
  /** Sealed under the organization's key, bound to organization, provider, credential and `secretVersion`. */
  sealed: Sealed;
  secretVersion: number;
  fingerprint: string;
  status: CredentialStatus;
  capabilities: Capabilities;
  checks: Check[];
  leastPrivilege: LeastPrivilege;
  metadata: Record<string, unknown>;
  accountId: string;
  environment: "prod" | "staging" | "dev";
  userDetail: (typeof userDetails)[number];
  /** Checked against the simulator: true for life. */
  simulated: boolean;
  lastError: string | null;
  lastValidatedAt: string;
  expiresAt: string | null;
  /** Entity that its cost reaches when nothing else says where it goes; absent or null: none. */
  defaultHierarchyEntityId?: string | null;
}

/** Document `orgs/{key}/integrations/index`: what is connected; its providers are what the plan's limit counts. */
export interface IntegrationsIndex {
  providers: Record<string, ConnectedProvider>;
}

export interface ConnectedProvider {
  since: string;
  credentials: Record<string, ConnectedCredential>;
}

export interface ConnectedCredential {
  name: string;
  accountId: string;
  /** The only projects it pulls; absent: all of the account. */
  projectIds?: string[];
}

const instant = Type.String({ format: "date-time" });

/** A credential as it is answered: never its secret, hash or ciphertext. */
export const CredentialAnswer = strictObject({
  credential_id: Type.String(),
  credential_name: Type.String(),
  environment: choice(["prod", "staging", "dev"]),
  status: choice(credentialStatuses),
  fingerprint: Type.String(),
  account_id: Type.String(),
  created_at: instant,
  updated_at: instant,
  expires_at: nullable(instant),
  last_validated_at: instant,
  last_error: nullable(Type.String()),
  version: Type.Integer(),
  kms_key_version: Type.String(),
  metadata: Type.Record(Type.String(), Type.Unknown()),
  capabilities: Type.Record(Type.String(), Type.Unknown()),
  simulated: Type.Boolean(),
  default_hierarchy_entity_id: nullable(Type.String()),
});
export type CredentialAnswer = Static<typeof CredentialAnswer>;

export function indexPath(org: OrgIdentity): string {
  return `orgs/${org.key}/integrations/index`;
}

export function credentialPath(org: OrgIdentity, credentialId: string): string {
  return `orgs/${org.key}/credentials/${credentialId}`;
}

/** The status at `now`: an access whose time is over is EXPIRED whatever is stored. */
export function effectiveStatus(credential: CredentialDocument, now: Date): CredentialStatus {
  const isOver = credential.expiresAt !== null && Date.parse(credential.expiresAt) <= now.getTime();
  return isOver ? "EXPIRED" : credential.status;
}

/** Status of an integration from those of its credentials (`providers.md` 1.4). */
export function integrationStatus(statuses: readonly CredentialStatus[]): CredentialStatus | "NOT_CONFIGURED" {
  if (statuses.length === 0) return "NOT_CONFIGURED";
  if (statuses.every((status) => status === "VALID")) return "VALID";
  if (statuses.some((status) => status === "VALID" || status === "PARTIAL_VALID")) return "PARTIAL_VALID";
  if (statuses.includes("PENDING")) return "PENDING";
  return statuses.includes("EXPIRED") ? "EXPIRED" : "INVALID";
}

/** Public prefix, dots and the last four of a secret of at least 20 characters; only dots for a shorter one. */
export function fingerprintOf(secret: string, entry: ProviderEntry): string {
  if (secret.length < 20) return "...";
  const prefix = entry.credential.public_prefixes.find((known) => secret.startsWith(known)) ?? "";
  return `${prefix}...${secret.slice(-4)}`;
}

/** `cred_` and 20 characters of base62. */
export function newCredentialId(): string {
  const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  return `cred_${Array.from({ length: 20 }, () => alphabet[randomInt(62)]).join("")}`;
}

/** The secret as sent, trimmed, of the form its provider gives out; nothing is sent anywhere. */
export function wellFormedSecret(sent: string | Record<string, unknown>, accepts: (secret: string) => boolean): string {
  const secret = (typeof sent === "string" ? sent : JSON.stringify(sent)).trim();
  if (Buffer.byteLength(secret) > 65_536)
    throw new AppError("CREDENTIAL_TOO_LARGE", "The credential is larger than 64 KiB.");
  if (secret !== "" && accepts(secret)) return secret;
  throw new AppError(
    "CREDENTIAL_MALFORMED",
    "The credential does not have the form this provider's credentials have.",
    {
      fields: [{ path: "/credential", problem: "does not have the expected form" }],
    },
  );
}
