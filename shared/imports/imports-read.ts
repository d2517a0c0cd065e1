import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { runPath } from "#shared/pipelines/run-paths.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type ImportDocument, importOf } from "#shared/providers/focus/import-store.ts";
import { providers } from "#shared/providers/load-registry.ts";
import { nullable, paging, strictObject } from "#shared/runtime/schema.ts";
import { type ImportAnswer, ImportAnswer as ImportAnswerSchema, importAnswer } from "./import-answer.ts";

export const ImportListQuery = strictObject({
  ...paging(),
});
export type ImportListQuery = Static<typeof ImportListQuery>;

export const ImportList = strictObject({
  imports: Type.Array(ImportAnswerSchema),
  limit: Type.Integer(),
  next_cursor: nullable(Type.String()),
});
export type ImportList = Static<typeof ImportList>;

/** One import of a provider with the state of its run. */
export async function readImport(
  asked: { org: OrgIdentity; provider: string; importId: string },
  documents: Documents,
): Promise<ImportAnswer> {
  const { org } = asked;
  const { slug } = (await providers()).provider(asked.provider);
  const stored = await importOf(org, slug, asked.importId, documents);
  const { body } = await documents.get<RunDocument>(runPath(org.key, stored.runId));
  return importAnswer(stored, body);
}

/** Imports of a provider, newest first. */
export async function listImports(
  asked: { org: OrgIdentity; provider: string; query: ImportListQuery },
  documents: Documents,
): Promise<ImportList> {
  const { org, query } = asked;
  const { slug } = (await providers()).provider(asked.provider);
  const page = await documents.list<ImportDocument>({
    collection: `orgs/${org.key}/imports`,
    filters: [{ field: "provider", is: "==", value: slug }],
    orderBy: [{ field: "createdAt", direction: "desc" }],
    limit: query.limit,
    cursor: query.cursor,
  });
  const runs = await documents.getAll<RunDocument>(page.documents.map(({ body }) => runPath(org.key, body.runId)));
  return {
    imports: page.documents.map(({ body }, at) => importAnswer(body, runs[at]?.body)),
    limit: query.limit,
    next_cursor: page.next ?? null,
  };
}
