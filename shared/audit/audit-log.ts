import { type Static, Type } from "@sinclair/typebox";
import type { Documents, Filter, Page, Snapshot } from "#shared/platform/documents/documents.ts";
import type { AuditDocument } from "#shared/runtime/audit-row.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, paging, strictObject } from "#shared/runtime/schema.ts";

const operations = ["CREATE", "UPDATE", "DELETE", "EXECUTE", "ROTATE", "READ"] as const;
const statuses = ["SUCCESS", "FAILURE", "DENIED"] as const;
const day = Type.String({ format: "date" });

export const AuditQuery = strictObject({
  action: Type.Optional(Type.String({ maxLength: 100, description: "An action, or an operation" })),
  resource_type: Type.Optional(Type.String({ maxLength: 100 })),
  status: Type.Optional(choice(statuses)),
  user_id: Type.Optional(Type.String({ maxLength: 100 })),
  start_date: Type.Optional(day),
  end_date: Type.Optional(day),
  ...paging({ most: 1000, standard: 100 }),
  offset: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
});
export type AuditQuery = Static<typeof AuditQuery>;

const nullableText = nullable(Type.String());

const AuditRow = strictObject({
  audit_id: Type.String(),
  org_slug: Type.String(),
  user_id: nullableText,
  api_key_id: nullableText,
  actor_kind: Type.String(),
  action: Type.String(),
  operation: choice(operations),
  resource_type: Type.String(),
  resource_id: nullableText,
  details: nullable(Type.Record(Type.String(), Type.Unknown())),
  ip_address: nullableText,
  user_agent: nullableText,
  request_id: nullableText,
  status: choice(statuses),
  error_message: nullableText,
  created_at: Type.String({ format: "date-time" }),
});
type AuditRow = Static<typeof AuditRow>;

export const AuditLog = strictObject({
  org_slug: Type.String(),
  total_count: nullable(
    Type.Integer({ description: "Null above 10,000, where counting would cost more than it tells" }),
  ),
  logs: Type.Array(AuditRow),
  has_more: Type.Boolean(),
  next_cursor: nullable(Type.String()),
});
export type AuditLog = Static<typeof AuditLog>;

/** Whose rows: an organization's, or the platform's own. */
export interface AuditSource {
  slug: string;
  collection: string;
}

export type StoredRow = Snapshot<AuditDocument> & { body: AuditDocument };

const mostCounted = 10_000;
const countPageSize = 1_000;
/** So many pages are looked through for one answer where several filters leave few rows of each. */
const mostPages = 20;

/**
 * Audit rows, newest first. `action` is an action or an operation; both dates are UTC days, the last one included. An
 * answer may hold fewer rows than `limit` and still have more. Throws `INVALID_DATE_RANGE`, `CURSOR_INVALID`.
 */
export async function auditLog(source: AuditSource, query: AuditQuery, documents: Documents): Promise<AuditLog> {
  const search = searchOf(query);
  if (query.offset !== undefined && query.cursor !== undefined) {
    const fields = [{ path: "/offset", problem: "excludes cursor" }];
    throw new AppError("INVALID_PARAMETER", "Ask by offset or by cursor, not by both.", { fields });
  }
  const walk = { source, search, documents };
  const start = query.offset === undefined ? query.cursor : await cursorAfter(query.offset, walk);
  const isBeyond = query.offset !== undefined && query.offset > 0 && start === undefined;
  const found = isBeyond ? { rows: [], next: undefined } : await rowsFrom(start, query.limit, walk);
  return {
    org_slug: source.slug,
    total_count: await countOf(walk),
    logs: found.rows.map((row) => auditRow(row, source)),
    has_more: found.next !== undefined,
    next_cursor: found.next ?? null,
  };
}

interface Search {
  /** What the store's query narrows by, and the range of days. */
  filters: Filter[];
  /** What it leaves to be checked on each row. */
  matches(row: StoredRow): boolean;
}

interface Walk {
  source: AuditSource;
  search: Search;
  documents: Documents;
}

/** One filter goes into the store's query, the most telling first; composite indexes for all of them together are not worth it. */
function searchOf(query: AuditQuery): Search {
  const operation = operations.find((each) => each === query.action?.toUpperCase());
  const wanted = Object.entries({
    userId: query.user_id,
    action: operation === undefined ? query.action : undefined,
    resourceType: query.resource_type,
    operation,
    status: query.status,
  }).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const [first, ...others] = wanted;
  const from = query.start_date ?? "1970-01-01";
  if (query.end_date !== undefined && from > query.end_date)
    throw new AppError("INVALID_DATE_RANGE", "start_date is after end_date.");
  const range: Filter[] = [{ field: "createdAt", is: ">=", value: `${from}T00:00:00.000Z` }];
  if (query.end_date !== undefined) range.push({ field: "createdAt", is: "<", value: dayAfter(query.end_date) });
  return {
    filters: [...(first === undefined ? [] : [{ field: first[0], is: "==" as const, value: first[1] }]), ...range],
    matches: ({ body, readAt }) =>
      Date.parse(body.expireAt ?? "9999-12-31") > readAt.getTime() &&
      others.every(([field, value]) => (body as unknown as Record<string, unknown>)[field] === value),
  };
}

function dayAfter(date: string): string {
  return new Date(Date.parse(`${date}T00:00:00.000Z`) + 86_400_000).toISOString();
}

async function rowsFrom(
  start: string | undefined,
  limit: number,
  walk: Walk,
): Promise<{ rows: StoredRow[]; next: string | undefined }> {
  const rows: StoredRow[] = [];
  let cursor = start;
  for (let page = 0; page < mostPages; page++) {
    const found = await pageOf(walk, limit - rows.length, cursor);
    rows.push(...found.documents.filter(walk.search.matches));
    cursor = found.next;
    if (cursor === undefined || rows.length >= limit) break;
  }
  return { rows, next: cursor };
}

/** Where the row after so many of them begins; undefined when there are not so many. */
async function cursorAfter(offset: number, walk: Walk): Promise<string | undefined> {
  let cursor: string | undefined;
  let left = offset;
  while (left > 0) {
    const found = await pageOf(walk, Math.min(left, countPageSize), cursor);
    left -= found.documents.filter(walk.search.matches).length;
    cursor = found.next;
    if (cursor === undefined) return undefined;
  }
  return cursor;
}

async function countOf(walk: Walk): Promise<number | null> {
  let count = 0;
  let cursor: string | undefined;
  for (let seen = 0; seen < mostCounted; seen += countPageSize) {
    const found = await pageOf(walk, countPageSize, cursor);
    count += found.documents.filter(walk.search.matches).length;
    cursor = found.next;
    if (cursor === undefined) return count;
  }
  return null;
}

function pageOf({ source, search, documents }: Walk, limit: number, cursor?: string): Promise<Page<AuditDocument>> {
  return documents.list<AuditDocument>({
    collection: source.collection,
    filters: search.filters,
    orderBy: [{ field: "createdAt", direction: "desc" }],
    limit,
    cursor,
  });
}

function auditRow({ body, path, createdAt, readAt }: StoredRow, source: AuditSource): AuditRow {
  return {
    audit_id: path.slice(path.lastIndexOf("/") + 1),
    org_slug: source.slug,
    user_id: body.userId,
    api_key_id: body.apiKeyId,
    actor_kind: body.actorKind,
    action: body.action,
    operation: body.operation as AuditRow["operation"],
    resource_type: body.resourceType,
    resource_id: body.resourceId,
    details: body.details,
    ip_address: body.ipAddress,
    user_agent: body.userAgent,
    request_id: body.requestId,
    status: body.status,
    error_message: body.errorMessage,
    created_at: createdAt ?? readAt.toISOString(),
  };
}
