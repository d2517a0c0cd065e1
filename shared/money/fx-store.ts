import { LRUCache } from "lru-cache";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { type FxHead, type FxMonth, type RateSet, rateSets } from "./fx.ts";
import type { FxBook, Market, OrgRate } from "./fx-look-up.ts";
import { type ShippedRates, shippedRates } from "./fx-shipped.ts";

/** Document `orgs/{key}/fx/current`. */
export interface OrgFxHead {
  /** Grows by one with every rate that is set or taken back. */
  fxVersion: number;
  /** Months that hold a rate of the organization: the month of its first day. */
  months: string[];
}

/** A rate as the organization set it; taking it back ends it, so that older versions still see it. */
export interface StoredOrgRate extends OrgRate {
  reason: string;
  createdAt: string;
  createdBy: string;
  setVersion: number;
  deletedAt: string | null;
  deletedBy: string | null;
  deletedVersion: number | null;
}

/** Document `orgs/{key}/fx/{yyyy-mm}`. */
export interface OrgFxMonth {
  orgId: string;
  month: string;
  rates: StoredOrgRate[];
}

export const fxHeadPath = "fx/current";

export const emptyFxHead: FxHead = { fxVersion: 0, months: {}, currencies: [] };
export const emptyOrgFxHead: OrgFxHead = { fxVersion: 0, months: [] };

export function fxMonthPath(month: string): string {
  return `fx/${month}`;
}

export function orgFxHeadPath(org: Pick<OrgIdentity, "key">): string {
  return `orgs/${org.key}/fx/current`;
}

export function orgFxMonthPath(org: Pick<OrgIdentity, "key">, month: string): string {
  return `orgs/${org.key}/fx/${month}`;
}

/** Months as they were read, by month and the version at which they last changed: a stored set never changes. */
const knownMonths = new WeakMap<Documents, LRUCache<string, FxMonth>>();
const monthsKept = 400;

/**
 * The book an organization converts with, as it stands now; both heads are read in one round trip. `version`, as a book
 * named it, gives the book of then: what a closed month keeps. Without an organization it is the market alone.
 * Throws `DOCUMENT_INVALID` for a version that no book ever had.
 */
export async function fxBook(
  org: Pick<OrgIdentity, "key"> | undefined,
  documents: Documents,
  version?: string,
): Promise<FxBook> {
  const shipped = await shippedRates();
  const paths = [fxHeadPath, ...(org === undefined ? [] : [orgFxHeadPath(org)])];
  const [market, own] = await documents.getAll<FxHead | OrgFxHead>(paths);
  const marketHead = (market?.body as FxHead | undefined) ?? emptyFxHead;
  const orgHead = (own?.body as OrgFxHead | undefined) ?? emptyOrgFxHead;
  const newest = { market: marketHead.fxVersion, org: orgHead.fxVersion };
  const at = version === undefined ? newest : readVersion(version, newest);
  let orgRates: Promise<OrgRate[]> | undefined;
  return {
    version: `m${at.market}.o${at.org}`,
    seed: shipped.seed,
    market: marketOf(marketHead, at.market, { shipped, documents }),
    orgRates: () => {
      orgRates ??= org === undefined ? Promise.resolve([]) : ratesAt(org, orgHead, at.org, documents);
      return orgRates;
    },
  };
}

function readVersion(text: string, newest: { market: number; org: number }): { market: number; org: number } {
  const [, market, org] = /^m(\d{1,15})\.o(\d{1,15})$/.exec(text) ?? [];
  const at = { market: Number(market), org: Number(org) };
  if (at.market <= newest.market && at.org <= newest.org) return at;
  throw new AppError("DOCUMENT_INVALID", `There never was a book of rates ${JSON.stringify(text.slice(0, 40))}.`);
}

function marketOf(
  head: FxHead,
  fxVersion: number,
  { shipped, documents }: { shipped: ShippedRates; documents: Documents },
): Market {
  const views = new Map<string, Promise<RateSet[][]>>();
  const view = async (month: string): Promise<RateSet[][]> => {
    const stored = await fxMonth(month, head.months[month] ?? 0, documents);
    return stored === undefined ? [] : rateSets(stored, shipped.pegs, fxVersion);
  };
  const pegged = head.currencies.includes("USD") ? shipped.pegs.keys() : [];
  return {
    months: Object.keys(head.months).sort(),
    currencies: new Set([...head.currencies, ...pegged]),
    days: (month) => {
      const known = views.get(month) ?? view(month);
      views.set(month, known);
      return known;
    },
  };
}

async function fxMonth(month: string, changedAt: number, documents: Documents): Promise<FxMonth | undefined> {
  const cache = knownMonths.get(documents) ?? new LRUCache<string, FxMonth>({ max: monthsKept });
  knownMonths.set(documents, cache);
  const key = `${month}@${changedAt}`;
  const cached = cache.get(key);
  if (cached !== undefined) return cached;
  const { body } = await documents.get<FxMonth>(fxMonthPath(month));
  if (body !== undefined) cache.set(key, body);
  return body;
}

async function ratesAt(
  org: Pick<OrgIdentity, "key">,
  head: OrgFxHead,
  fxVersion: number,
  documents: Documents,
): Promise<OrgRate[]> {
  const months = await documents.getAll<OrgFxMonth>(head.months.map((month) => orgFxMonthPath(org, month)));
  return months.flatMap(({ body }) => body?.rates ?? []).filter((rate) => isStandingAt(rate, fxVersion));
}

/** Whether a rate was set and not taken back at a version of the organization's rates. */
export function isStandingAt(rate: StoredOrgRate, fxVersion: number): boolean {
  const { setVersion, deletedVersion } = rate;
  return setVersion <= fxVersion && (deletedVersion === null || deletedVersion > fxVersion);
}
