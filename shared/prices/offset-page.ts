import { Type } from "@sinclair/typebox";
import { AppError } from "#shared/runtime/errors.ts";
import { paging } from "#shared/runtime/schema.ts";

/** Query fields of a list that is made whole and shown in pages. */
export function offsetPaging(standard: number) {
  return { ...paging({ standard }), offset: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })) };
}

/** A page by offset; the cursor is the offset of the next page. Throws `INVALID_CURSOR`. */
export function paged<T>(
  items: readonly T[],
  query: { limit: number; offset?: number | undefined; cursor?: string | undefined } | undefined,
): { items: T[]; next: string | null } {
  if (query === undefined) return { items: [...items], next: null };
  if (query.cursor !== undefined && !/^\d{1,9}$/.test(query.cursor))
    throw new AppError("INVALID_CURSOR", "The cursor is not one of ours.", {
      fields: [{ path: "/cursor", problem: "is not one of ours" }],
    });
  const start = query.cursor === undefined ? (query.offset ?? 0) : Number(query.cursor);
  const end = start + query.limit;
  return { items: items.slice(start, end), next: end < items.length ? String(end) : null };
}
