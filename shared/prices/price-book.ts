import { normalisedModel } from "./model-name.ts";
import type { Flow, ModelAlias, Multiplier, PriceKey, PriceVersion, ProviderUnitPrice } from "./price.ts";

/** What the platform has released under one number; never changed afterwards. */
export interface PriceRelease {
  /** Grows by one per release. */
  number: number;
  prices: readonly PriceVersion[];
  aliases: readonly ModelAlias[];
  multipliers: readonly Multiplier[];
  unitPrices: readonly ProviderUnitPrice[];
}

/** What an organization has added, all versions ever, as of its write number `version`. */
export interface OrgPrices {
  version: number;
  prices: readonly PriceVersion[];
  aliases: readonly OrgAlias[];
}

/** An alias of the organization; it holds from its own write on, and up to the write that removed it. */
export interface OrgAlias extends ModelAlias {
  orgVersion: number;
  removedOrgVersion: number | null;
}

/**
 * Everything a look-up may see: a release and an organization's own prices. Look-ups are functions of key, day and this
 * book alone, whatever the order in which its parts were given.
 */
export interface PriceBook {
  /** `p<release>.o<org version>`. */
  version: string;
  /** Live versions under a normalised model id, every kind and region. */
  versions(flow: Flow, provider: string, model: string): readonly PriceVersion[];
  /** Every live version of a flow and provider. */
  all(flow: Flow, provider?: string): readonly PriceVersion[];
  /** Normalised model ids and aliases of the organization that end in `*`, without it, by their target; longest first. */
  prefixes(flow: Flow, provider: string): readonly { literal: string; modelId: string; from: string }[];
  orgAlias(provider: string, name: string): ModelAlias | undefined;
  alias(provider: string, name: string): ModelAlias | undefined;
  multipliers(provider: string, model: string): readonly Multiplier[];
  unitPrices(provider: string, meter: string): readonly ProviderUnitPrice[];
}

/** Books whose prices also hold for these providers. Source: `prices-and-plans.md` A3.5. */
export const inheritedBooks: Readonly<Record<string, readonly string[]>> = {
  azure_openai: ["openai"],
  vertex: ["gemini", "anthropic"],
  bedrock: ["anthropic"],
};

export function bookVersion(release: number, orgVersion: number): string {
  return `p${release}.o${orgVersion}`;
}

/** Both numbers of a book version; undefined for any other text. */
export function readBookVersion(text: string): { release: number; orgVersion: number } | undefined {
  const [, release, orgVersion] = /^p(\d{1,9})\.o(\d{1,9})$/.exec(text) ?? [];
  return release === undefined ? undefined : { release: Number(release), orgVersion: Number(orgVersion) };
}

/** Whether a version of a book was in use before another; a text that is no version is later than any. */
export function isEarlierBook(one: string, other: string): boolean {
  const [a, b] = [readBookVersion(one), readBookVersion(other)];
  if (a === undefined || b === undefined) return a !== undefined;
  return a.release < b.release || (a.release === b.release && a.orgVersion < b.orgVersion);
}

export function priceBook(release: PriceRelease, org: OrgPrices): PriceBook {
  const live = [...release.prices, ...org.prices.filter((price) => isLive(price, org.version))].sort(byPlace);
  const aliases = org.aliases.filter(
    ({ orgVersion, removedOrgVersion }) =>
      orgVersion <= org.version && (removedOrgVersion === null || removedOrgVersion > org.version),
  );
  const byModel = grouped(live, (price) => placeOf(price, normalisedModel(price.provider, price.modelId)));
  const orgAliases = new Map(aliases.map((alias) => [aliasPlace(alias), alias]));
  const shippedAliases = new Map(release.aliases.map((alias) => [aliasPlace(alias), alias]));
  const byMultiplied = grouped(release.multipliers, ({ provider, model }) => JSON.stringify([provider, model]));
  const byMeter = grouped(release.unitPrices, ({ provider, meter }) => JSON.stringify([provider, meter]));
  const byStar = prefixTable(live, aliases);
  return {
    version: bookVersion(release.number, org.version),
    versions: (flow, provider, model) => byModel.get(JSON.stringify([flow, provider, model])) ?? [],
    all: (flow, provider) =>
      live.filter((price) => price.flow === flow && (provider === undefined || price.provider === provider)),
    prefixes: (flow, provider) => byStar.get(JSON.stringify([flow, provider])) ?? [],
    orgAlias: (provider, name) => orgAliases.get(JSON.stringify([provider, name])),
    alias: (provider, name) => shippedAliases.get(JSON.stringify([provider, name])),
    multipliers: (provider, model) => byMultiplied.get(JSON.stringify([provider, model])) ?? [],
    unitPrices: (provider, meter) => byMeter.get(JSON.stringify([provider, meter])) ?? [],
  };
}

function isLive({ orgVersion, withdrawnOrgVersion }: PriceVersion, version: number): boolean {
  const isMade = orgVersion !== null && orgVersion <= version;
  return isMade && (withdrawnOrgVersion === null || withdrawnOrgVersion > version);
}

/** The order must not depend on how the store lists its documents. */
function byPlace(a: PriceVersion, b: PriceVersion): number {
  const place = (price: PriceVersion): string =>
    JSON.stringify([price.flow, price.provider, price.modelId, price.region, price.effectiveFrom, price.priceId]);
  return place(a) < place(b) ? -1 : 1;
}

function placeOf({ flow, provider }: PriceKey, model: string): string {
  return JSON.stringify([flow, provider, model]);
}

function aliasPlace({ provider, alias }: ModelAlias): string {
  return JSON.stringify([provider, normalisedModel(provider, alias)]);
}

function prefixTable(
  live: readonly PriceVersion[],
  aliases: readonly OrgAlias[],
): Map<string, { literal: string; modelId: string; from: string }[]> {
  const found = live
    .filter(({ scope, kind, modelId }) => scope === "org" && kind === "custom" && modelId.endsWith("*"))
    .map(({ flow, provider, modelId }) => ({ flow, provider, from: modelId, modelId }));
  const starred = aliases
    .filter(({ alias }) => alias.endsWith("*"))
    .map(({ provider, alias, modelId }) => ({ flow: "payg" as const, provider, from: alias, modelId }));
  const table = grouped([...found, ...starred], ({ flow, provider }) => JSON.stringify([flow, provider]));
  const entries = [...table].map(([place, its]) => {
    const literals = its.map(({ provider, from, modelId }) => ({
      literal: normalisedModel(provider, from).slice(0, -1),
      modelId,
      from,
    }));
    return [place, literals.sort((a, b) => b.literal.length - a.literal.length || (a.from < b.from ? -1 : 1))] as const;
  });
  return new Map(entries);
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
