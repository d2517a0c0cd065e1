import { normalisedModel, withoutSnapshot } from "./model-name.ts";
import type { Flow } from "./price.ts";
import type { PriceBook } from "./price-book.ts";
import { inheritedBooks } from "./price-book.ts";
import { isOfRegion, versionsOn } from "./versions.ts";

export const matchRules = ["alias_org", "exact", "alias", "snapshot", "prefix"] as const;
export type MatchRule = (typeof matchRules)[number];

/** How a name of usage came to a model of the book. */
export interface ModelMatch {
  rule: MatchRule;
  /** The name as it was compared. */
  from: string;
  /** Normalised id in the book. */
  modelId: string;
  /** The book that knows the model: the provider's own, or one it inherits. */
  provider: string;
}

/**
 * The model of the book that a name of usage means on a day: the first rule that hits a version in force, in the
 * provider's own book, then in the books it inherits. Never a substring, a family or a guess; undefined is unpriced.
 * `ft:` names mean models whose id starts with `ft:` only. Source: `prices-and-plans.md` A3.5, A4.
 */
export function matchModel(
  book: PriceBook,
  asked: { flow: Flow; provider: string; model: string; day: string; region: string },
): ModelMatch | undefined {
  for (const provider of [asked.provider, ...(inheritedBooks[asked.provider] ?? [])]) {
    const name = normalisedModel(provider, normalisedModel(asked.provider, asked.model));
    const match = matchInBook(book, { ...asked, provider }, name);
    if (match !== undefined && isSameTuning(name, match.modelId)) return { ...match, from: name, provider };
  }
  return undefined;
}

type InBook = { flow: Flow; provider: string; day: string; region: string };
type Hit = Pick<ModelMatch, "rule" | "modelId">;

function matchInBook(book: PriceBook, at: InBook, name: string): Hit | undefined {
  const direct = matchWhole(book, at, name);
  if (direct !== undefined) return direct;
  for (const shorter of withoutSnapshot(name)) {
    const hit = matchWhole(book, at, shorter);
    if (hit !== undefined) return { rule: "snapshot", modelId: hit.modelId };
  }
  for (const { literal, modelId } of book.prefixes(at.flow, at.provider)) {
    const target = normalisedModel(at.provider, modelId);
    if (name.startsWith(literal) && isSameTuning(name, target) && isInForce(book, at, target))
      return { rule: "prefix", modelId: target };
  }
  return undefined;
}

function matchWhole(book: PriceBook, at: InBook, name: string): Hit | undefined {
  const own = book.orgAlias(at.provider, name);
  const shipped = book.alias(at.provider, name);
  const candidates: [MatchRule, string | undefined][] = [
    ["alias_org", own && normalisedModel(at.provider, own.modelId)],
    ["exact", name],
    ["alias", shipped && normalisedModel(at.provider, shipped.modelId)],
  ];
  for (const [rule, modelId] of candidates) {
    if (modelId !== undefined && isSameTuning(name, modelId) && isInForce(book, at, modelId)) return { rule, modelId };
  }
  return undefined;
}

/** An override prices nothing by itself: it lies over a row. */
function isInForce(book: PriceBook, { flow, provider, day, region }: InBook, modelId: string): boolean {
  const versions = book.versions(flow, provider, modelId).filter((price) => isOfRegion(price, region));
  return versionsOn(versions, day).some(({ kind }) => kind !== "override");
}

function isSameTuning(name: string, modelId: string): boolean {
  return !name.startsWith("ft:") || modelId.startsWith("ft:");
}
