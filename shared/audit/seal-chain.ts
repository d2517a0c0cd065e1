import { createHash, type Hash } from "node:crypto";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { everyDocument, type WholeQuery } from "#shared/platform/documents/pages.ts";
import type { AuditDocument } from "#shared/runtime/audit-row.ts";
import type { StoredRow } from "./audit-log.ts";

/** Document `orgs/{key}/auditSeals/{n}` or `platformAuditSeals/{n}`: what the rows of one stretch of time hash to, chained to the seal before. */
export interface SealDocument {
  /** 1, 2, 3, ... without a gap. */
  n: number;
  /** Hash of the seal before; of the first one the chain's start. */
  previous: string;
  /** SHA-256 in hex of `previous` and the canonical text of every row (`organizations.md` 9). */
  hash: string;
  rows: number;
  /** Rows created later than this ... */
  after: string;
  /** ... and not later than this: instants of the store, RFC 3339 in UTC. */
  through: string;
}

/** The rows that are chained, and where their seals lie. */
export interface AuditChain {
  rows: string;
  seals: string;
  /** What the first seal is chained to. */
  start: string;
}

/** An organization's rows. The start binds the chain to the company, not to its slug. */
export function orgChain({ key, orgId }: Pick<OrgIdentity, "key" | "orgId">): AuditChain {
  return { rows: `orgs/${key}/audit`, seals: `orgs/${key}/auditSeals`, start: startOf(orgId) };
}

/** The platform's own rows. */
export const platformChain: AuditChain = {
  rows: "platformAudit",
  seals: "platformAuditSeals",
  start: startOf("_platform"),
};

function startOf(name: string): string {
  return createHash("sha256").update(name, "utf8").digest("hex");
}

/** n is padded so that paths sort as numbers do. */
export function sealPath(chain: Pick<AuditChain, "seals">, n: number): string {
  return `${chain.seals}/${String(n).padStart(10, "0")}`;
}

/** The hash over the rows of a stretch, in the order of their creation, and how many they are. */
export async function stretchHash(
  chain: AuditChain,
  stretch: { previous: string; after: string; through: string },
  documents: Pick<Documents, "list">,
): Promise<{ hash: string; rows: number }> {
  const hash = createHash("sha256").update(stretch.previous, "utf8");
  let rows = 0;
  for await (const row of rowsBetween(chain, stretch, documents)) {
    addRow(hash, row);
    rows += 1;
  }
  return { hash: hash.digest("hex"), rows };
}

/** Rows created after the one instant and up to the other, oldest first. */
export function rowsBetween(
  chain: Pick<AuditChain, "rows">,
  { after, through }: { after: string; through: string },
  documents: Pick<Documents, "list">,
): AsyncGenerator<StoredRow> {
  const stretch: WholeQuery = {
    collection: chain.rows,
    filters: [
      { field: "createdAt", is: ">", value: after },
      { field: "createdAt", is: "<=", value: through },
    ],
    orderBy: [{ field: "createdAt", direction: "asc" }],
  };
  return everyDocument<AuditDocument>(stretch, documents);
}

/** One line of JSON for each row: no row can pass for two, or two for one. */
function addRow(hash: Hash, { path, body, createdAt }: StoredRow): void {
  const id = path.slice(path.lastIndexOf("/") + 1);
  hash.update(`${JSON.stringify([id, createdAt, canonical(body)])}\n`, "utf8");
}

/** The value with the members of every object in the order of their names. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, item]) => [name, canonical(item)]));
}
