import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { type Answer, type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { normalisedModel } from "./model-name.ts";
import { followingVersion, newVersion, type PriceRequest, warningsOf } from "./new-version.ts";
import type { Flow, PriceVersion } from "./price.ts";
import { versionRow, type WrittenPrice } from "./price-answer.ts";
import type { NewVersion, PriceWriter } from "./price-draft.ts";
import { type FlowPriceRequest, type PaygPriceRequest, PaygUpdateRequest } from "./price-fields.ts";
import { flowOf, identifierOf, priceProvider } from "./price-providers.ts";
import { isSameTerms } from "./price-terms.ts";
import { changePrices, type WritePorts } from "./price-writer.ts";
import { lineText } from "./versions.ts";

/** Who writes to which prices. */
export interface OnPrices {
  org: OrgIdentity;
  caller: Caller;
  provider: string;
}

/** Adds a price. The same price again: 200 with the row that stands; another one for its key and day: 409. */
export async function addPrice(
  asked: OnPrices & { flow: string; request: PaygPriceRequest | PriceRequest },
  effects: Effects<WrittenPrice>,
  given: WritePorts,
): Promise<Answer<WrittenPrice>> {
  const provider = await priceProvider(asked.provider);
  const flow = flowOf(asked.flow);
  return changePrices(asked, effects, given, (writer) => {
    const version = newVersion({ flow, provider }, asked.request, writer.today);
    const warnings = warningsOf(version, writer);
    const standing = standingVersion(version, writer);
    if (standing !== undefined) {
      if (!isSamePrice(standing, version))
        throw new AppError("PRICE_EXISTS", "This model has a price of yours from that day on: change it instead.");
      const row = { ...versionRow(standing, shownBy(writer)), warnings };
      return { answer: new Reply(200, row), details: { resourceId: standing.priceId } };
    }
    const made = writer.add(version);
    const answer = { ...versionRow(made, shownBy(writer)), warnings };
    return { answer, details: { action: "price.added", resourceId: made.priceId, details: auditOf(made) } };
  });
}

/** The same for any flow: the provider stands in the body. */
export async function addFlowPrice(
  asked: Omit<OnPrices, "provider"> & { flow: string; request: FlowPriceRequest },
  effects: Effects<WrittenPrice>,
  given: WritePorts,
): Promise<Answer<WrittenPrice>> {
  const { provider } = asked.request;
  flowOf(asked.flow);
  if (provider === undefined)
    throw new AppError("INVALID_BODY", "provider is required.", {
      fields: [{ path: "/provider", problem: "is required" }],
    });
  return addPrice({ ...asked, provider }, effects, given);
}

/** A new version of a price from a day on; nothing that was is overwritten. */
export async function updatePrice(
  asked: OnPrices & { model: string; request: PaygUpdateRequest },
  effects: Effects<WrittenPrice>,
  given: WritePorts,
): Promise<Answer<WrittenPrice>> {
  const provider = await priceProvider(asked.provider);
  const modelId = identifierOf(asked.model);
  return changePrices(asked, effects, given, (writer) => {
    const { version, before } = followingVersion({ flow: "payg", provider, modelId }, asked.request, writer);
    refuseOtherVersion(asked.request.expected_version, [before.priceId, writer.book.version]);
    const made = writer.add(version);
    const answer = { ...versionRow(made, shownBy(writer)), warnings: warningsOf(version, writer) };
    const details = { ...auditOf(made), replaces: before.priceId };
    return { answer, details: { action: "price.versioned", resourceId: made.priceId, details } };
  });
}

export const BulkRequest = strictObject({
  updates: Type.Optional(Type.Array(PaygUpdateRequest, { minItems: 1, maxItems: 500 })),
});
export type BulkRequest = Static<typeof BulkRequest>;

export const BulkAnswer = strictObject({
  org_slug: Type.String(),
  provider: Type.String(),
  updated_count: Type.Integer(),
  failed_count: Type.Integer(),
  errors: Type.Array(
    strictObject({ index: Type.Integer(), model_id: Type.String(), error: Type.String(), message: Type.String() }),
  ),
});
export type BulkAnswer = Static<typeof BulkAnswer>;

/** New versions of many models in one transaction: all or none, or with `partial` those that are valid. */
export async function updatePrices(
  asked: OnPrices & { request: BulkRequest; isPartial: boolean },
  effects: Effects<BulkAnswer>,
  given: WritePorts,
): Promise<Answer<BulkAnswer>> {
  const provider = await priceProvider(asked.provider);
  const { updates } = asked.request;
  if (updates === undefined)
    throw new AppError("INVALID_BODY", "updates is required.", {
      fields: [{ path: "/updates", problem: "is required" }],
    });
  return changePrices(asked, effects, given, (writer) => {
    const refusals = new Map<number, AppError>();
    const versions = updates.flatMap((request, index): NewVersion[] => {
      try {
        return [updateOf(provider, request, writer)];
      } catch (error) {
        if (!isAppError(error)) throw error;
        refusals.set(index, error);
        return [];
      }
    });
    if (!asked.isPartial) refuseAny(refusals);
    for (const version of versions) writer.add(version);
    const errors = [...refusals].map(([index, { code, message }]) => ({
      index,
      model_id: updates[index]?.model_id ?? "",
      error: code,
      message,
    }));
    const counts = { updated_count: versions.length, failed_count: errors.length };
    return {
      answer: { org_slug: writer.org.slug, provider, ...counts, errors },
      details: { action: "price.bulk_updated", resourceId: provider, details: counts },
    };
  });
}

function updateOf(provider: string, request: PaygUpdateRequest, writer: PriceWriter): NewVersion {
  if (request.model_id === undefined)
    throw new AppError("INVALID_BODY", "model_id is required.", {
      fields: [{ path: "/model_id", problem: "is required" }],
    });
  const modelId = identifierOf(request.model_id);
  const { version, before } = followingVersion({ flow: "payg", provider, modelId }, request, writer);
  refuseOtherVersion(request.expected_version, [before.priceId, writer.book.version]);
  return version;
}

/** One 422 for the whole body, its paths below `/updates/i`. */
function refuseAny(refusals: ReadonlyMap<number, AppError>): void {
  if (refusals.size === 0) return;
  const fields = [...refusals].flatMap(([index, { fields: own, message }]) =>
    own.length === 0
      ? [{ path: `/updates/${index}/model_id`, problem: message }]
      : own.map(({ path, problem }) => ({ path: `/updates/${index}${path}`, problem })),
  );
  throw new AppError("INVALID_BODY", `${refusals.size} of the updates are not valid; none was applied.`, { fields });
}

function refuseOtherVersion(expected: string | undefined, known: readonly string[]): void {
  if (expected === undefined || known.includes(expected)) return;
  throw new AppError("VERSION_CONFLICT", "The price in force is not the one you expect; read it again.");
}

/** The live version of the same line and day. */
function standingVersion(version: NewVersion, { own }: PriceWriter): PriceVersion | undefined {
  const line = placeText(version);
  return own.find((other) => placeText(other) === line && other.effectiveFrom === version.effectiveFrom);
}

function placeText(version: NewVersion): string {
  const modelId = normalisedModel(version.provider, version.modelId);
  return lineText({ ...(version as PriceVersion), scope: "org", modelId });
}

function isSamePrice(standing: PriceVersion, version: NewVersion): boolean {
  const isSameEnd = standing.effectiveTo === (version.effectiveTo ?? null);
  return standing.currency === version.currency && isSameEnd && isSameTerms(standing.terms, version.terms);
}

/** What the audit row says of a version. */
export function auditOf(version: PriceVersion): Record<string, unknown> {
  const { flow, provider, modelId, region, effectiveFrom, currency, terms } = version;
  return { flow, provider, model_id: modelId, region, effective_from: effectiveFrom, currency, terms };
}

export function shownBy(writer: PriceWriter): Parameters<typeof versionRow>[1] {
  return { org: writer.org, today: writer.today, others: writer.own };
}

/** Live versions of the organization under a model name, in any spelling. */
export function ownVersions(
  { own }: Pick<PriceWriter, "own">,
  place: { flow: Flow; provider: string; modelId: string },
): PriceVersion[] {
  const wanted = normalisedModel(place.provider, place.modelId);
  return own.filter(
    ({ flow, provider, modelId }) =>
      flow === place.flow && provider === place.provider && normalisedModel(provider, modelId) === wanted,
  );
}
