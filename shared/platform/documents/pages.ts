import type { Documents, Found, Page, Query } from "./documents.ts";

/** A list read to its end; `limit` is the size of a page, 500 unless said. */
export type WholeQuery = Omit<Query, "limit" | "cursor"> & { limit?: number };

const pageSize = 500;

/** All pages of a list, each read when it is asked for. */
export async function* everyPage<T extends object>(
  query: WholeQuery,
  by: Pick<Documents, "list">,
): AsyncGenerator<Page<T>> {
  let cursor: string | undefined;
  do {
    const page: Page<T> = await by.list<T>({ limit: pageSize, ...query, cursor });
    yield page;
    cursor = page.next;
  } while (cursor !== undefined);
}

/** All documents of a list, one after the other, page by page. */
export async function* everyDocument<T extends object>(
  query: WholeQuery,
  by: Pick<Documents, "list">,
): AsyncGenerator<Found<T>> {
  for await (const page of everyPage<T>(query, by)) yield* page.documents;
}

/** All documents of a list at once: for lists that a rule of the domain keeps short. */
export async function allDocuments<T extends object>(
  query: WholeQuery,
  by: Pick<Documents, "list">,
): Promise<Found<T>[]> {
  const found: Found<T>[] = [];
  for await (const page of everyPage<T>(query, by)) found.push(...page.documents);
  return found;
}
