import { isPlatformScope } from "#shared/access/platform-scope.ts";
import type { AuditEntry, HistoryEntry } from "./change.ts";

/** Document of an audit row, `orgs/{key}/audit/{auditId}` or `platformAudit/{auditId}`; written once, never changed. */
export type AuditDocument = Omit<AuditEntry, "org"> & {
  /** End of the 400 days that a row is kept as a document; `org_audit_logs` keeps it for ever. */
  expireAt: string;
};

export const auditKeptMilliseconds = 400 * 86_400_000;

const maximumDetailsBytes = 8_192;
const secretName = /(secret|passw(or)?d|passphrase|token|api_?key|private_?key|authorization|cookie)$/i;
/** An organization key wherever it stands in a text. */
const orgKey = /[A-Za-z0-9_]{3,50}_api_[0-9A-Za-z]{36}/g;

/** The document and the history row of an audit entry recorded at `now` (UTC). Source: `organizations.md` 9. */
export function auditRow(
  entry: AuditEntry,
  auditId: string,
  now: Date,
): { path: string; document: AuditDocument; history: HistoryEntry } {
  const { org: named, ...facts } = entry;
  const org = named === undefined || isPlatformScope(named) ? undefined : named;
  const details = keptDetails(entry.details);
  const expireAt = new Date(now.getTime() + auditKeptMilliseconds).toISOString();
  return {
    path: org === undefined ? `platformAudit/${auditId}` : `orgs/${org.key}/audit/${auditId}`,
    document: { ...facts, details, expireAt },
    history: {
      table: "org_audit_logs",
      operation: "CREATE",
      version: 1,
      row: {
        audit_id: auditId,
        org_slug: org?.slug ?? "_platform",
        user_id: entry.userId,
        api_key_id: entry.apiKeyId,
        actor_kind: entry.actorKind,
        action: entry.action,
        operation_kind: entry.operation,
        resource_type: entry.resourceType,
        resource_id: entry.resourceId,
        details,
        ip_address: entry.ipAddress,
        user_agent: entry.userAgent,
        request_id: entry.requestId,
        status: entry.status,
        error_message: entry.errorMessage,
        created_at: now.toISOString(),
      },
    },
  };
}

/** Secrets replaced by their name's mark; what is still above 8 KiB is left out, because a row cut in half says nothing. */
function keptDetails(details: Record<string, unknown> | null): Record<string, unknown> | null {
  if (details === null) return null;
  const kept = withoutSecrets(details) as Record<string, unknown>;
  const bytes = Buffer.byteLength(JSON.stringify(kept));
  return bytes <= maximumDetailsBytes ? kept : { omitted: `${bytes} bytes of details` };
}

function withoutSecrets(value: unknown, name = ""): unknown {
  if (typeof value === "string") return secretName.test(name) ? "[secret]" : value.replace(orgKey, "[secret]");
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, name));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([each, item]) => [each, withoutSecrets(item, each)]));
}
