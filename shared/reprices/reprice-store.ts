import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { packed } from "#shared/runtime/packed.ts";
import {
  type FrozenDay,
  listNames,
  type RepriceAnswer,
  type RepriceDocument,
  type RepriceLists,
  type RepricePage,
} from "./reprice.ts";

/** Well below what one document may hold. */
const pageBytes = 400_000;

export function repricePath(org: OrgIdentity, repriceId: string): string {
  return `orgs/${org.key}/reprices/${repriceId}`;
}

function pagePath(org: OrgIdentity, repriceId: string, number: number): string {
  return `${repricePath(org, repriceId)}/pages/${String(number).padStart(4, "0")}`;
}

/** `rpc_` and a ULID: what an id from outside must be before it becomes part of a path. */
export function isRepriceId(text: string): boolean {
  return /^rpc_[0-9A-HJKMNP-TV-Z]{26}$/.test(text);
}

/** The long lists of a preview as documents of their own. */
export function pagesOf(
  org: OrgIdentity,
  repriceId: string,
  lists: RepriceLists,
  days: readonly FrozenDay[],
): { path: string; body: RepricePage }[] {
  const all = [...listNames.map((list) => [list, lists[list]] as const), ["days", days] as const];
  return all
    .flatMap(([list, items]) => packed<unknown>(items, pageBytes).map((piece): RepricePage => ({ list, items: piece })))
    .map((body, at) => ({ path: pagePath(org, repriceId, at), body }));
}

/** Reads the pages of a preview that is applied; what it answers then writes them so that they stay. */
export async function keepPages(org: OrgIdentity, reprice: RepriceDocument, change: Change): Promise<() => void> {
  const paths = Array.from({ length: reprice.pages }, (_, at) => pagePath(org, reprice.repriceId, at));
  const pages = paths.length === 0 ? [] : await change.getAll<RepricePage & { expireAt?: string }>(paths);
  return () => {
    for (const { path, body } of pages) {
      if (body === undefined) throw new Error(`the page ${path} of a preview is gone`);
      change.set<RepricePage>(path, { list: body.list, items: body.items });
    }
  };
}

/** A kept preview with its state. Throws 404 `PREVIEW_NOT_FOUND`. */
export async function repriceOf(org: OrgIdentity, repriceId: string, documents: Documents): Promise<RepriceDocument> {
  const { body } = isRepriceId(repriceId)
    ? await documents.get<RepriceDocument>(repricePath(org, repriceId))
    : { body: undefined };
  if (body === undefined) throw new AppError("PREVIEW_NOT_FOUND", "There is no such preview.");
  return body;
}

/** The items of one list, in their order. */
export async function listed<T>(
  org: OrgIdentity,
  reprice: RepriceDocument,
  lists: readonly RepricePage["list"][],
  documents: Documents,
): Promise<Map<RepricePage["list"], T[]>> {
  const paths = Array.from({ length: reprice.pages }, (_, at) => pagePath(org, reprice.repriceId, at));
  const pages = await documents.getAll<RepricePage>(paths);
  const found = new Map<RepricePage["list"], T[]>(lists.map((list) => [list, []]));
  for (const { body, path } of pages) {
    if (body === undefined) throw new Error(`the page ${path} of a preview is gone`);
    found.get(body.list)?.push(...(body.items as T[]));
  }
  return found;
}

/** The days that an applied preview publishes anew. */
export async function frozenDays(
  org: OrgIdentity,
  reprice: RepriceDocument,
  documents: Documents,
): Promise<FrozenDay[]> {
  return (await listed<FrozenDay>(org, reprice, ["days"], documents)).get("days") ?? [];
}

/** A preview as it was answered, with what has become of it. Throws 404 `PREVIEW_NOT_FOUND`. */
export async function readReprice(
  { org, repriceId }: { org: OrgIdentity; repriceId: string },
  { documents, clock }: { documents: Documents; clock: { now(): Date } },
): Promise<RepriceAnswer> {
  const reprice = await repriceOf(org, repriceId, documents);
  const lists = Object.fromEntries(await listed(org, reprice, listNames, documents)) as unknown as RepriceLists;
  const isExpired = reprice.expiresAt <= clock.now().toISOString();
  return {
    ...answerOf(org, reprice, lists),
    state: reprice.runId === null ? (isExpired ? "EXPIRED" : "OPEN") : "APPLIED",
    run_id: reprice.runId,
    applied_at: reprice.appliedAt,
    applied_by: reprice.appliedBy,
  };
}

export function answerOf(org: OrgIdentity, reprice: RepriceDocument, lists: RepriceLists) {
  return {
    preview_id: reprice.repriceId,
    org_slug: org.slug,
    created_at: reprice.createdAt,
    expires_at: reprice.expiresAt,
    start_date: reprice.scope.start,
    end_date: reprice.scope.end,
    price_book_version: reprice.priceBookVersion,
    is_scenario: isScenario(reprice),
    ...reprice.summary,
    ...lists,
  };
}

/** A question of the kind "what if": nothing of it can be published. */
export function isScenario({ scope }: Pick<RepriceDocument, "scope">): boolean {
  return scope.priceDay !== null || Object.keys(scope.modelMap).length > 0;
}
