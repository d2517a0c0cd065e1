import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { type Answer, type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { normalisedModel } from "./model-name.ts";
import { onlyProvider } from "./only-provider.ts";
import type { Flow } from "./price.ts";
import type { PriceWriter } from "./price-draft.ts";
import { flowOf, identifierOf, priceProvider } from "./price-providers.ts";
import { changePrices, type WritePorts, type Written } from "./price-writer.ts";
import { listRows, type PriceList } from "./prices-read.ts";
import { type OnPrices, ownVersions } from "./provider-prices.ts";

/** Withdraws the organization's versions of a model, or one of them. What only the platform prices cannot be withdrawn. */
export async function withdrawPrice(
  asked: OnPrices & { model: string; priceId: string | undefined },
  effects: Effects<null>,
  given: WritePorts,
): Promise<Answer<null>> {
  const provider = await priceProvider(asked.provider);
  const modelId = identifierOf(asked.model);
  return changePrices(asked, effects, given, (writer) => {
    const own = ownVersions(writer, { flow: "payg", provider, modelId });
    const chosen = own.filter(({ priceId }) => asked.priceId === undefined || priceId === asked.priceId);
    if (chosen.length === 0) throw refusalOf({ flow: "payg", provider, modelId, priceId: asked.priceId }, writer);
    return withdrawn(chosen, "price.withdrawn", writer);
  });
}

/** The same for any flow; again is as good as once, where the organization ever had such a price. */
export async function withdrawFlowPrice(
  asked: { org: OrgIdentity; caller: Caller; flow: string; identifier: string; provider?: string; region?: string },
  effects: Effects<null>,
  given: WritePorts,
): Promise<Answer<null>> {
  const flow = flowOf(asked.flow);
  const modelId = identifierOf(asked.identifier);
  const named = asked.provider === undefined ? undefined : await priceProvider(asked.provider);
  return changePrices(asked, effects, given, (writer) => {
    const provider = named ?? onlyProvider({ flow, modelId }, writer);
    const own = ownVersions(writer, { flow, provider, modelId }).filter(
      ({ kind, region }) => kind === "custom" && (asked.region === undefined || region === asked.region),
    );
    if (own.length === 0 && !isEverOwn(flow, provider, modelId, writer))
      throw refusalOf({ flow, provider, modelId }, writer);
    return withdrawn(own, "price.withdrawn", writer);
  });
}

/** Withdraws everything of the organization for a provider; the platform's prices hold again. */
export async function resetPrices(
  asked: OnPrices,
  effects: Effects<PriceList>,
  given: WritePorts,
): Promise<Answer<PriceList>> {
  const provider = await priceProvider(asked.provider);
  return changePrices(asked, effects, given, (writer) => {
    const own = writer.own.filter((version) => version.flow === "payg" && version.provider === provider);
    for (const version of own) writer.withdraw(version);
    const { today, org } = writer;
    const answer = listRows(writer.next(), { org, provider, at: today, today });
    return { answer, details: { action: "price.reset", resourceId: provider, details: { withdrawn: own.length } } };
  });
}

export function withdrawn(
  versions: readonly Parameters<PriceWriter["withdraw"]>[0][],
  action: string,
  writer: PriceWriter,
): Written<null> {
  for (const version of versions) writer.withdraw(version);
  const [first] = versions;
  const details = {
    provider: first?.provider,
    model_id: first?.modelId,
    price_ids: versions.map(({ priceId }) => priceId),
  };
  return { answer: new Reply(204, null), details: { action, resourceId: first?.priceId ?? "none", details } };
}

function isEverOwn(flow: Flow, provider: string, modelId: string, { ever }: PriceWriter): boolean {
  return ownVersions({ own: ever }, { flow, provider, modelId }).length > 0;
}

function refusalOf(
  place: { flow: Flow; provider: string; modelId: string; priceId?: string | undefined },
  { book }: PriceWriter,
): AppError {
  const name = normalisedModel(place.provider, place.modelId);
  const isPlatform = book
    .versions(place.flow, place.provider, name)
    .some(({ scope, priceId }) => scope === "platform" && (place.priceId === undefined || priceId === place.priceId));
  return isPlatform
    ? new AppError("PRICE_IS_DEFAULT", "This is the platform's price: it cannot be withdrawn, only overridden.")
    : new AppError("PRICE_NOT_FOUND", "There is no such price.");
}
