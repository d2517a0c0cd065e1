import { LRUCache } from "lru-cache";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type Change, commitRecord } from "#shared/runtime/change.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { keyText, type ModelAlias, type Multiplier, type PriceVersion, type ProviderUnitPrice } from "./price.ts";
import type { PriceRelease } from "./price-book.ts";
import { type ShippedPrices, shippedPrices } from "./shipped-prices.ts";

/** Document `priceReleases/current`: which release new days follow. */
export interface CurrentRelease {
  release: number;
  providers: string[];
  /** Hashes of every shipped set that was ever released: an older installation that still runs releases nothing again. */
  shippedHashes: string[];
  releasedAt: string;
}

/** Document `priceReleases/{n}`, written once. */
export interface ReleaseDocument {
  release: number;
  providers: string[];
  releasedAt: string;
  releasedBy: string;
  reason: string;
  hash: string | null;
}

/** Document `priceReleases/{n}/providers/{provider}`, written once. */
export interface ReleaseOfProvider {
  provider: string;
  prices: PriceVersion[];
  aliases: ModelAlias[];
  multipliers: Multiplier[];
  unitPrices: ProviderUnitPrice[];
}

export type BookPorts = { documents: Documents } & Pick<Surroundings, "clock" | "ids">;

export type ReleaseContent = Omit<PriceRelease, "number">;

export const currentReleasePath = "priceReleases/current";

/** Releases never change, so what was read once holds for ever. */
const known = new WeakMap<Documents, LRUCache<number, PriceRelease>>();

/**
 * The release new days follow. The first one to look after an update releases the shipped files, unless their content was
 * released before: so lists and prices work from the first minute, without a set-up.
 */
export async function currentRelease(ports: BookPorts): Promise<CurrentRelease> {
  const shipped = await shippedPrices();
  const { body } = await ports.documents.get<CurrentRelease>(currentReleasePath);
  if (body?.shippedHashes.includes(shipped.hash)) return body;
  return commitRecord(async (change) => {
    const stored = (await change.get<CurrentRelease>(currentReleasePath)).body;
    if (stored?.shippedHashes.includes(shipped.hash)) return stored;
    const before = stored === undefined ? undefined : await releaseIn(stored.release, stored.providers, change);
    const content = before === undefined ? shipped : withOperatorPrices(shipped, before);
    const reason = "the prices shipped with the platform";
    const pointer = writeRelease({ content, stored, hash: shipped.hash, by: "platform", reason }, change);
    change.audit({
      org: undefined,
      actorKind: "system",
      apiKeyId: null,
      userId: null,
      action: "price_book.released",
      operation: "CREATE",
      resourceType: "price_release",
      resourceId: String(pointer.release),
      details: { hash: shipped.hash, prices: content.prices.length, refused: shipped.refused },
      ipAddress: null,
      userAgent: null,
      requestId: null,
      status: "SUCCESS",
      errorMessage: null,
    });
    return pointer;
  }, ports);
}

/** The content of a release. Throws when there is none of that number: a book version never names one. */
export async function readRelease(number: number, documents: Documents): Promise<PriceRelease> {
  const cache = known.get(documents) ?? new LRUCache<number, PriceRelease>({ max: 8 });
  known.set(documents, cache);
  const cached = cache.get(number);
  if (cached !== undefined) return cached;
  const { body } = await documents.get<ReleaseDocument>(releasePath(number));
  if (body === undefined) throw new Error(`there is no price release ${number}`);
  const release = await releaseIn(number, body.providers, documents);
  cache.set(number, release);
  return release;
}

/** Writes the next release and moves the pointer, in a transaction that has read the pointer as `stored`. */
export function writeRelease(
  next: {
    content: ReleaseContent;
    stored: CurrentRelease | undefined;
    /** Of a shipped set; null for an operator's load. */
    hash: string | null;
    by: string;
    reason: string;
  },
  change: Pick<Change, "create" | "set" | "now">,
): CurrentRelease {
  const release = (next.stored?.release ?? 0) + 1;
  const releasedAt = change.now.toISOString();
  const providers = providersOf(next.content);
  for (const provider of providers) {
    change.create<ReleaseOfProvider>(`${releasePath(release)}/providers/${provider}`, {
      provider,
      prices: next.content.prices
        .filter(of(provider))
        .map((price) => ({ ...price, createdAt: price.createdAt || releasedAt })),
      aliases: next.content.aliases.filter(of(provider)),
      multipliers: next.content.multipliers.filter(of(provider)),
      unitPrices: next.content.unitPrices.filter(of(provider)),
    });
  }
  const { hash, by, reason, stored } = next;
  change.create<ReleaseDocument>(releasePath(release), {
    release,
    providers,
    releasedAt,
    releasedBy: by,
    reason,
    hash,
  });
  const shippedHashes = [...(stored?.shippedHashes ?? []), ...(hash === null ? [] : [hash])];
  const pointer = { release, providers, shippedHashes, releasedAt };
  change.set<CurrentRelease>(currentReleasePath, pointer);
  return pointer;
}

/** A release's content, read within a transaction or outside of one. */
export async function releaseIn(
  number: number,
  providers: readonly string[],
  from: Pick<Documents, "getAll">,
): Promise<PriceRelease> {
  const paths = providers.map((provider) => `${releasePath(number)}/providers/${provider}`);
  const parts = (await from.getAll<ReleaseOfProvider>(paths)).map(({ path, body }) => {
    if (body === undefined) throw new Error(`${path} is gone`);
    return body;
  });
  return {
    number,
    prices: parts.flatMap(({ prices }) => prices),
    aliases: parts.flatMap(({ aliases }) => aliases),
    multipliers: parts.flatMap(({ multipliers }) => multipliers),
    unitPrices: parts.flatMap(({ unitPrices }) => unitPrices),
  };
}

/** What an operator loaded stands over what is shipped for the same key and day. */
function withOperatorPrices(shipped: ShippedPrices, before: PriceRelease): ReleaseContent {
  const loaded = before.prices.filter(({ createdBy }) => createdBy !== "platform");
  const keys = new Set(loaded.map((price) => `${keyText(price)} ${price.effectiveFrom}`));
  const { aliases, multipliers, unitPrices } = shipped;
  const kept = shipped.prices.filter((price) => !keys.has(`${keyText(price)} ${price.effectiveFrom}`));
  return { prices: [...kept, ...loaded], aliases, multipliers, unitPrices };
}

function providersOf({ prices, aliases, multipliers, unitPrices }: ReleaseContent): string[] {
  const all = [...prices, ...aliases, ...multipliers, ...unitPrices].map(({ provider }) => provider);
  return [...new Set(all)].sort();
}

function of(provider: string): (item: { provider: string }) => boolean {
  return (item) => item.provider === provider;
}

function releasePath(number: number): string {
  return `priceReleases/${number}`;
}
