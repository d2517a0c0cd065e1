import { LRUCache } from "lru-cache";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents, Transaction } from "#shared/platform/documents/documents.ts";
import { allDocuments } from "#shared/platform/documents/pages.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { PriceVersion } from "./price.ts";
import { type OrgAlias, type OrgPrices, type PriceBook, priceBook, readBookVersion } from "./price-book.ts";
import { type BookPorts, currentRelease, readRelease } from "./releases.ts";

/** Document `orgs/{key}/priceBook/state`: read and written by every write to the organization's prices. */
export interface BookState {
  /** Grows by one with every write. */
  orgVersion: number;
  releasePolicy: "latest" | "pinned";
  /** Set while pinned. */
  release: number | null;
}

/** Document `orgs/{key}/modelAliases/{id}`; an alias that is set again is a new document. */
export type AliasDocument = OrgAlias & {
  aliasId: string;
  createdAt: string;
  createdBy: string;
};

export const emptyState: BookState = { orgVersion: 0, releasePolicy: "latest", release: null };

/** Books by organization and version: the same version is the same book for ever. */
const known = new WeakMap<Documents, LRUCache<string, PriceBook>>();

/**
 * The book an organization's new days are priced with, or the one of an earlier version. Throws
 * `PRICE_BOOK_VERSION_NOT_FOUND` for a version that has never been.
 */
export async function bookOf(org: OrgIdentity, ports: BookPorts, version?: string): Promise<PriceBook> {
  const { documents } = ports;
  const [current, { body: state = emptyState }] = await Promise.all([
    currentRelease(ports),
    documents.get<BookState>(statePath(org)),
  ]);
  const now = { release: state.release ?? current.release, orgVersion: state.orgVersion };
  const asked = version === undefined ? now : readBookVersion(version);
  if (asked === undefined || asked.release < 1 || asked.release > current.release || asked.orgVersion > now.orgVersion)
    throw new AppError("PRICE_BOOK_VERSION_NOT_FOUND", "The price book has never had this version.");
  const cache = known.get(documents) ?? new LRUCache<string, PriceBook>({ max: 100 });
  known.set(documents, cache);
  const id = `${org.orgId} ${asked.release} ${asked.orgVersion}`;
  const cached = cache.get(id);
  if (cached !== undefined) return cached;
  const [release, own] = await Promise.all([
    readRelease(asked.release, documents),
    orgPrices(org, asked.orgVersion, documents),
  ]);
  const book = priceBook(release, own);
  cache.set(id, book);
  return book;
}

/** Everything the organization has ever written, as of its write number; read in a transaction or outside of one. */
export async function orgPrices(
  org: OrgIdentity,
  version: number,
  from: Pick<Transaction, "list">,
): Promise<OrgPrices> {
  const prices = await allDocuments<PriceVersion>({ collection: `orgs/${org.key}/prices` }, from);
  const aliases = await allDocuments<AliasDocument>({ collection: `orgs/${org.key}/modelAliases` }, from);
  return { version, prices: prices.map(({ body }) => body), aliases: aliases.map(({ body }) => body) };
}

export function statePath(org: OrgIdentity): string {
  return `orgs/${org.key}/priceBook/state`;
}

export function pricePath(org: OrgIdentity, priceId: string): string {
  return `orgs/${org.key}/prices/${priceId}`;
}

export function aliasPath(org: OrgIdentity, aliasId: string): string {
  return `orgs/${org.key}/modelAliases/${aliasId}`;
}
