import type { Documents, Found, Page, Query } from "./documents.ts";

/** What a list is looked through for. */
interface Wanted<T extends object> {
  isWanted(found: Found<T>): boolean;
  /** Nothing wanted comes after this one; absent: only the list's end is the end. */
  isLast?(found: Found<T>): boolean;
  limit: number;
  /** Of what is wanted, so much is passed over first. */
  skip?: number;
}

interface FilteredPage<T extends object> extends Omit<Page<T>, "readAt"> {
  /** Everything that was to be passed over was there. */
  isSkipped: boolean;
}

const largestRead = 500;
/** A list that finds little among very many stops here, with a cursor. */
const mostLookedAt = 10_000;

/**
 * A full page of the documents that a query's index cannot tell from others, and where to go on. Shorter than `limit` only
 * at the end of the list, or after ten thousand documents.
 */
export async function filteredPage<T extends object>(
  query: Omit<Query, "limit">,
  wanted: Wanted<T>,
  by: Pick<Documents, "list">,
): Promise<FilteredPage<T>> {
  const { isWanted, isLast = () => false, limit, skip = 0 } = wanted;
  const documents: Found<T>[] = [];
  let { cursor } = query;
  let toSkip = skip;
  let lookedAt = 0;
  do {
    const missing = limit - documents.length + toSkip;
    const read = (size: number): Promise<Page<T>> => by.list<T>({ ...query, cursor, limit: size });
    // Where nothing is filtered out the first read is all.
    const page = await cutAfter(
      missing,
      isWanted,
      await read(lookedAt === 0 ? Math.min(missing, largestRead) : largestRead),
      read,
    );
    const found = page.documents.filter(isWanted);
    documents.push(...found.slice(toSkip));
    toSkip = Math.max(0, toSkip - found.length);
    lookedAt += page.documents.length;
    const last = page.documents.at(-1);
    cursor = last !== undefined && isLast(last) ? undefined : page.next;
  } while (cursor !== undefined && documents.length < limit && lookedAt < mostLookedAt + skip);
  return { documents, next: cursor, isSkipped: toSkip === 0 };
}

/** The page up to the last one that is missing, with the store's own cursor behind it. */
async function cutAfter<T extends object>(
  missing: number,
  isWanted: (found: Found<T>) => boolean,
  page: Page<T>,
  read: (size: number) => Promise<Page<T>>,
): Promise<Page<T>> {
  let found = 0;
  const at = page.documents.findIndex((one) => isWanted(one) && ++found === missing);
  return at < 0 || at === page.documents.length - 1 ? page : read(at + 1);
}
