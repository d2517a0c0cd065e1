import type { Documents } from "#shared/platform/documents/documents.ts";
import type { OrgIdentity } from "./caller.ts";

/** The active organizations by slug, in pages; `after` is the cursor of a page that was read before. */
export async function organizationsPage(
  documents: Documents,
  after: string | undefined,
  limit = 200,
): Promise<{ orgs: OrgIdentity[]; next: string | undefined }> {
  const page = await documents.list<Pick<OrgIdentity, "slug" | "orgId">>({
    collection: "orgs",
    filters: [{ field: "state", is: "==", value: "ACTIVE" }],
    orderBy: [{ field: "slug", direction: "asc" }],
    limit,
    ...(after === undefined ? {} : { cursor: after }),
  });
  const orgs = page.documents.map(({ body }) => ({ slug: body.slug, key: body.slug.toLowerCase(), orgId: body.orgId }));
  return { orgs, next: page.next };
}

/** The same, page after page. */
export async function* eachOrganization(documents: Documents): AsyncGenerator<OrgIdentity[]> {
  let after: string | undefined;
  do {
    const { orgs, next } = await organizationsPage(documents, after);
    yield orgs;
    after = next;
  } while (after !== undefined);
}
