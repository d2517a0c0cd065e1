import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { FileReport } from "./file-report.ts";

/** Document `orgs/{key}/imports/{importId}`: a delivered file and what was found in it. Its status follows its run. */
export interface ImportDocument {
  importId: string;
  provider: string;
  credentialId: string;
  /** Name of the credential the file was delivered for. */
  source: string;
  fileName: string | null;
  sha256: string;
  bytes: number;
  /** Name of the object that keeps the file. */
  object: string;
  control: { rows: number | null; total: string | null };
  runId: string;
  rowsRead: number;
  report: FileReport | null;
  createdAt: string;
}

export function importPath(org: OrgIdentity, importId: string): string {
  return `orgs/${org.key}/imports/${importId}`;
}

/** `imp_` and a ULID: what an id from outside must be before it becomes part of a path. */
export function isImportId(text: string): boolean {
  return /^imp_[0-9A-HJKMNP-TV-Z]{26}$/.test(text);
}

/** The import of the provider, or 404 - the same for another organization's and for none. */
export async function importOf(
  org: OrgIdentity,
  provider: string,
  importId: string,
  documents: Documents,
): Promise<ImportDocument> {
  const body = isImportId(importId) ? (await documents.get<ImportDocument>(importPath(org, importId))).body : undefined;
  if (body?.provider !== provider) throw new AppError("IMPORT_NOT_FOUND", "There is no such import.");
  return body;
}

/** How many rows have been read so far, for those who watch. */
export function noteProgress(
  org: OrgIdentity,
  importId: string,
  rowsRead: number,
  documents: Documents,
): Promise<void> {
  return changed(org, importId, documents, (stored) => ({ ...stored, rowsRead }));
}

/** What was found in the file, once it has been read to its end or to its first unreadable byte. */
export function finishReading(
  org: OrgIdentity,
  importId: string,
  report: FileReport,
  documents: Documents,
): Promise<void> {
  return changed(org, importId, documents, (stored) => ({ ...stored, report, rowsRead: report.rows }));
}

function changed(
  org: OrgIdentity,
  importId: string,
  documents: Documents,
  change: (stored: ImportDocument) => ImportDocument,
): Promise<void> {
  return documents.transaction(async (tx) => {
    const { body } = await tx.get<ImportDocument>(importPath(org, importId));
    if (body !== undefined) tx.set<ImportDocument>(importPath(org, importId), change(body));
  });
}
