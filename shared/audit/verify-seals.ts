import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { everyDocument } from "#shared/platform/documents/pages.ts";
import { auditKeptMilliseconds } from "#shared/runtime/audit-row.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";
import { auditNamed } from "./audit-sources.ts";
import { type AuditChain, orgChain, rowsBetween, type SealDocument, sealPath, stretchHash } from "./seal-chain.ts";

export const SealReport = strictObject({
  org_slug: Type.String(),
  seals: Type.Integer(),
  rows: Type.Integer({ description: "Rows that the seals stand for" }),
  unsealed_rows: Type.Integer({ description: "Rows that are too young to be sealed" }),
  valid: Type.Boolean(),
  first_bad: nullable(Type.Integer({ description: "Number of the first seal that does not hold" })),
});
export type SealReport = Static<typeof SealReport>;

const beginning = "1970-01-01T00:00:00.000Z";
const end = "9999-12-31T23:59:59.999Z";

/**
 * Whether every sealed row is there as it was written: none altered, removed, added or moved. Of stretches whose rows
 * are past their 400 days only the chain is checked; the rows themselves stand in `org_audit_logs`.
 */
export function verifySeals(org: OrgIdentity, documents: Documents): Promise<SealReport> {
  return verifyChain(org.slug, orgChain(org), documents);
}

/** The same for the rows that the operator asks for: of an organization in any state, or `_platform`. 404 `ORG_NOT_FOUND`. */
export async function verifySealsNamed(slug: string, documents: Documents): Promise<SealReport> {
  const source = await auditNamed(slug, documents);
  return verifyChain(source.slug, source.chain, documents);
}

async function verifyChain(slug: string, chain: AuditChain, documents: Documents): Promise<SealReport> {
  let last = { hash: chain.start, through: beginning, n: 0 };
  let rows = 0;
  let firstBad: number | null = null;
  for await (const { path, body, readAt } of sealsOf(chain, documents)) {
    const isChained =
      body.n === last.n + 1 &&
      path === sealPath(chain, body.n) &&
      body.previous === last.hash &&
      body.after === last.through &&
      body.through > body.after;
    if (!isChained || !(await isIntact(chain, body, readAt, documents))) firstBad ??= last.n + 1;
    rows += body.rows;
    last = { hash: body.hash, through: body.through, n: last.n + 1 };
  }
  let unsealed = 0;
  for await (const _row of rowsBetween(chain, { after: last.through, through: end }, documents)) unsealed += 1;
  return {
    org_slug: slug,
    seals: last.n,
    rows,
    unsealed_rows: unsealed,
    valid: firstBad === null,
    first_bad: firstBad,
  };
}

async function isIntact(
  chain: AuditChain,
  { previous, after, through, hash, rows }: SealDocument,
  now: Date,
  documents: Documents,
): Promise<boolean> {
  // The first stretch begins before every row: its end says whether some may have gone.
  const oldest = after === beginning ? through : after;
  if (Date.parse(oldest) + auditKeptMilliseconds <= now.getTime()) return true;
  const found = await stretchHash(chain, { previous, after, through }, documents);
  return found.hash === hash && found.rows === rows;
}

function sealsOf(chain: AuditChain, documents: Documents) {
  return everyDocument<SealDocument>(
    { collection: chain.seals, orderBy: [{ field: "n", direction: "asc" }] },
    documents,
  );
}
