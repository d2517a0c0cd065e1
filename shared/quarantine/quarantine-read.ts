import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { choice, nullable, paging, strictObject } from "#shared/runtime/schema.ts";
import { quarantineNotFound } from "./decide.ts";
import { isQuarantineId, type QuarantineDocument, quarantinePath, quarantineStates, statusOf } from "./quarantine.ts";
import { QuarantineItem, quarantineItem } from "./quarantine-answer.ts";

export const QuarantineQuery = strictObject({
  status: Type.Optional(choice([...quarantineStates, "EXPIRED"])),
  provider: Type.Optional(Type.String({ maxLength: 50 })),
  source: Type.Optional(Type.String({ maxLength: 200 })),
  ...paging(),
});
export type QuarantineQuery = Static<typeof QuarantineQuery>;

export const QuarantineList = strictObject({
  quarantine: Type.Array(QuarantineItem),
  limit: Type.Integer(),
  next_cursor: nullable(Type.String()),
});
export type QuarantineList = Static<typeof QuarantineList>;

/** Quarantines, newest first; a page may hold fewer than asked for when it is filtered. */
export async function listQuarantines(
  org: OrgIdentity,
  query: QuarantineQuery,
  documents: Documents,
): Promise<QuarantineList> {
  const state = query.status === "EXPIRED" ? "OPEN" : query.status;
  const page = await documents.list<QuarantineDocument>({
    collection: `orgs/${org.key}/quarantine`,
    filters: state === undefined ? [] : [{ field: "state", is: "==", value: state }],
    orderBy: [{ field: "createdAt", direction: "desc" }],
    limit: query.limit,
    cursor: query.cursor,
  });
  const asked = page.documents
    .map(({ body }) => body)
    .filter((item) => query.status === undefined || statusOf(item, page.readAt) === query.status)
    .filter((item) => query.provider === undefined || item.provider === query.provider.toLowerCase())
    .filter((item) => query.source === undefined || item.source === query.source);
  return {
    quarantine: asked.map((item) => quarantineItem(item, page.readAt)),
    limit: query.limit,
    next_cursor: page.next ?? null,
  };
}

/** One quarantine; the same 404 for another organization's and for none. */
export async function quarantineOf(org: OrgIdentity, id: string, documents: Documents): Promise<QuarantineItem> {
  if (!isQuarantineId(id)) throw quarantineNotFound();
  const { body, readAt } = await documents.get<QuarantineDocument>(quarantinePath(org.key, id));
  if (body === undefined) throw quarantineNotFound();
  return quarantineItem(body, readAt);
}
