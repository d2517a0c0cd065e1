import type { OrgIdentity } from "#shared/access/caller.ts";
import type { ApiKeyDocument } from "#shared/access/verify.ts";
import type { Documents, Found, Transaction } from "#shared/platform/documents/documents.ts";
import { allDocuments, type WholeQuery } from "#shared/platform/documents/pages.ts";
import type { Sealed } from "#shared/platform/keys/keys.ts";
import type { Change, HistoryEntry } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";

/** Document of a key with what only this room reads. */
export interface StoredKey extends ApiKeyDocument {
  /** Who asked for it: `root`, an id of a key or of a person; absent for the first key. */
  createdBy?: string | null;
  /** A copy under the platform's key, on development installations only. */
  sealedKey: Sealed | null;
}

export type FoundKey = Found<StoredKey>;

export type KeyStatus = "ACTIVE" | "ROTATING" | "REVOKED" | "EXPIRED";

const keyIdForm = /^key_[0-9A-HJKMNP-TV-Z]{26}$/;

export function keyPath(hash: string): string {
  return `apiKeys/${hash}`;
}

export function hashOf({ path }: { path: string }): string {
  return path.slice(path.indexOf("/") + 1);
}

/** Additional data of the sealed copy of a key. */
export function apiKeyContext(orgId: string, keyId: string): string {
  return `v1|${orgId}|api-key|${keyId}|1`;
}

export function keyStatus({ state, expiresAt }: ApiKeyDocument, now: Date): KeyStatus {
  if (state === "REVOKED") return "REVOKED";
  return expiresAt !== null && Date.parse(expiresAt) <= now.getTime() ? "EXPIRED" : state;
}

export function isLive(key: ApiKeyDocument, now: Date): boolean {
  const status = keyStatus(key, now);
  return status === "ACTIVE" || status === "ROTATING";
}

/** Every key that the organization ever had, newest first. */
export function allKeys(org: OrgIdentity, documents: Pick<Documents, "list">): Promise<FoundKey[]> {
  return listed([{ field: "org", is: "==", value: org.key }], documents);
}

/** The keys that open something at this moment, newest first. */
export async function liveKeys(org: OrgIdentity, documents: Pick<Documents, "list">): Promise<FoundKey[]> {
  const found: FoundKey[] = [];
  for (const state of ["ACTIVE", "ROTATING"] as const) {
    const filters = [
      { field: "org", is: "==" as const, value: org.key },
      { field: "state", is: "==" as const, value: state },
    ];
    found.push(...(await listed(filters, documents)));
  }
  return found.filter(({ body, readAt }) => isLive(body, readAt));
}

/** The one key that is shown and rotated as the organization's own; undefined when it was revoked or has expired. */
export function primaryOf(live: readonly FoundKey[]): FoundKey | undefined {
  return live.find(({ body }) => body.primary && body.state === "ACTIVE");
}

/** One key of the organization; 404 `KEY_NOT_FOUND` for another one's and for none. */
export async function keyNamed(org: OrgIdentity, keyId: string, tx: Transaction): Promise<FoundKey> {
  if (!keyIdForm.test(keyId)) throw keyNotFound();
  const { documents } = await tx.list<StoredKey>({
    collection: "apiKeys",
    filters: [
      { field: "org", is: "==", value: org.key },
      { field: "keyId", is: "==", value: keyId },
    ],
    limit: 1,
  });
  const [found] = documents;
  if (found === undefined) throw keyNotFound();
  return found;
}

export function keyNotFound(): AppError {
  return new AppError("KEY_NOT_FOUND", "There is no such key of this organization.");
}

/** Writes the changed document of a stored key with its history row. */
export function changeKey(org: OrgIdentity, found: FoundKey, body: StoredKey, change: Change): void {
  change.set<StoredKey>(found.path, body);
  const at = { version: found.version + 1, createdAt: found.createdAt ?? change.now.toISOString() };
  change.history(keyHistory(org, body, hashOf(found), { ...at, operation: "UPDATE" }));
}

/** The row of `org_api_keys`. When a key was last used is brought along by its next change only. */
export function keyHistory(
  org: OrgIdentity,
  key: StoredKey,
  hash: string,
  at: { version: number; createdAt: string; operation: "CREATE" | "UPDATE" },
): HistoryEntry {
  return {
    table: "org_api_keys",
    operation: at.operation,
    version: at.version,
    row: {
      org_api_key_id: key.keyId,
      org_slug: org.slug,
      org_api_key_hash: hash,
      key_name: key.name,
      fingerprint: key.fingerprint,
      scopes: key.scopes,
      is_active: key.state !== "REVOKED",
      is_primary: key.primary,
      rotated_from: key.rotatedFrom,
      created_by: key.createdBy ?? null,
      expires_at: key.expiresAt,
      revoked_at: key.revokedAt,
      last_used_at: key.lastUsedAt,
      created_at: at.createdAt,
    },
  };
}

async function listed(
  filters: { field: string; is: "=="; value: string }[],
  documents: Pick<Documents, "list">,
): Promise<FoundKey[]> {
  const asked: WholeQuery = { collection: "apiKeys", filters, orderBy: [{ field: "createdAt", direction: "desc" }] };
  return allDocuments<StoredKey>(asked, documents);
}
