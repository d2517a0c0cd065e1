import { apiKeyFingerprint, apiKeyHash, makeApiKey } from "#shared/access/api-key.ts";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import type { Keys } from "#shared/platform/keys/keys.ts";
import type { Change } from "#shared/runtime/change.ts";
import { isDevelopment } from "#shared/runtime/config.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { apiKeyContext, type FoundKey, keyHistory, keyPath, type StoredKey } from "./stored-key.ts";

export type KeyPorts = { keys: Keys } & Pick<Surroundings, "ids" | "config">;

/** A key that exists in this process only, until it is stored. */
export interface FreshKey {
  keyId: string;
  /** The whole key: shown once, kept nowhere. */
  apiKey: string;
  hash: string;
  /** Null outside of development. */
  sealedKey: StoredKey["sealedKey"];
}

/** What is said about a new key by who asks for it. */
export interface KeyTerms {
  name: string;
  scopes: readonly string[];
  primary: boolean;
  /** RFC 3339, UTC; null = never. */
  expiresAt: string | null;
  rotatedFrom: string | null;
  createdBy: string | null;
}

const mostLiveKeys = 25;

/** Makes a key. Before the transaction that stores it: its body may run again, and the key service is not the store. */
export async function freshKey(org: OrgIdentity, given: KeyPorts): Promise<FreshKey> {
  const apiKey = makeApiKey(org.slug);
  const keyId = given.ids.newId("key");
  const sealedKey = isDevelopment(given.config)
    ? await given.keys.seal(new TextEncoder().encode(apiKey), apiKeyContext(org.orgId, keyId))
    : null;
  return { keyId, apiKey, hash: apiKeyHash(apiKey), sealedKey };
}

/** Stores the key with its history row. */
export function storeKey(org: OrgIdentity, fresh: FreshKey, terms: KeyTerms, change: Change): StoredKey {
  const document: StoredKey = {
    org: org.key,
    keyId: fresh.keyId,
    name: terms.name,
    fingerprint: apiKeyFingerprint(fresh.apiKey),
    scopes: [...terms.scopes],
    primary: terms.primary,
    state: "ACTIVE",
    expiresAt: terms.expiresAt,
    revokedAt: null,
    lastUsedAt: null,
    rotatedFrom: terms.rotatedFrom,
    createdBy: terms.createdBy,
    sealedKey: fresh.sealedKey,
  };
  change.create<StoredKey>(keyPath(fresh.hash), document);
  const at = { version: 1, createdAt: change.now.toISOString(), operation: "CREATE" as const };
  change.history(keyHistory(org, document, fresh.hash, at));
  return document;
}

/** Throws 403 `PLAN_LIMIT_REACHED` when a key beside these would be one too many. */
export function refuseTooManyKeys(live: readonly FoundKey[]): void {
  if (live.length < mostLiveKeys) return;
  throw new AppError("PLAN_LIMIT_REACHED", `Plan limit reached. Max API keys: ${mostLiveKeys}.`, {
    extra: { quota: "keys" },
    fields: [{ path: "/quota/keys", problem: `limit of ${mostLiveKeys} is reached` }],
  });
}

/** Who acts, as `created_by` names them. */
export function creatorOf(caller: Caller): string {
  if (caller.kind === "key") return caller.keyId;
  return caller.kind === "member" || caller.kind === "person" ? caller.userId : caller.kind;
}
