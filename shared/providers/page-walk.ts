import { AppError } from "#shared/runtime/errors.ts";
import { type AnswerObject, answerObject, drift } from "./answer-fields.ts";
import type { ProviderHttp } from "./provider-http.ts";
import type { ProviderEntry } from "./registry-schema.ts";

/** Whose answers are read, and how long. `PullContext` is one. */
export interface Source {
  provider: ProviderEntry;
  http: ProviderHttp;
  signal: AbortSignal;
}

/** Ends walks that run in a circle or never end. */
export function cursorGuard({ display_name, max_pages }: ProviderEntry): { pass(cursor: string): void } {
  const seen = new Set<string>();
  return {
    pass(cursor) {
      if (seen.has(cursor))
        throw new AppError("PROVIDER_PAGE_LOOP", `${display_name} gave the same page cursor twice.`);
      seen.add(cursor);
      if (seen.size >= max_pages)
        throw new AppError("PROVIDER_PAGE_LOOP", `${display_name} gave more than ${max_pages} pages.`);
    },
  };
}

/** The cursor of the page after this one, or null at the end; `has_more` without one is `PROVIDER_SCHEMA_DRIFT`. */
export function nextPageOf(page: AnswerObject): string | null {
  const nextPage = page.text("next_page");
  if (!page.flag("has_more")) return null;
  if (nextPage === null) throw drift(`${page.path}.next_page`, "a cursor was expected because there is more");
  return nextPage;
}

export interface ItemListing {
  path: string;
  /** The parameter that takes the `last_id` of the page before. */
  cursor: string;
  query?: Readonly<Record<string, string>>;
}

/** Every item of a list that pages by its last id. Throws `PROVIDER_PAGE_LOOP` and what `ProviderHttp` throws. */
export async function allItems(source: Source, { path, cursor, query = {} }: ItemListing): Promise<AnswerObject[]> {
  const items: AnswerObject[] = [];
  const cursors = cursorGuard(source.provider);
  for (let last: string | null = null; ; ) {
    const asked = { limit: 100, ...query, ...(last === null ? {} : { [cursor]: last }) };
    const { body } = await source.http.get(path, asked, source.signal);
    const list = answerObject(body);
    items.push(...list.list("data"));
    if (!list.flag("has_more")) return items;
    last = list.requiredText("last_id");
    cursors.pass(last);
  }
}
