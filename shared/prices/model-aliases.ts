import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { type Answer, type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import { matchModel } from "./model-match.ts";
import { normalisedModel } from "./model-name.ts";
import { type AliasDocument, orgPrices } from "./org-prices.ts";
import type { PriceWriter } from "./price-draft.ts";
import { identifierOf, priceProvider } from "./price-providers.ts";
import { changePrices, type WritePorts } from "./price-writer.ts";
import type { BookPorts } from "./releases.ts";
import { everywhere } from "./versions.ts";

const maximumAliases = 500;

export const ModelAliasRow = strictObject({
  provider: Type.String(),
  alias: Type.String(),
  model_id: Type.String(),
  created_at: Type.String(),
  created_by: Type.String(),
});
export type ModelAliasRow = Static<typeof ModelAliasRow>;

export const ModelAliasList = strictObject({
  org_slug: Type.String(),
  aliases: Type.Array(ModelAliasRow),
  count: Type.Integer(),
});
export type ModelAliasList = Static<typeof ModelAliasList>;

export const ModelAliasRequest = strictObject({
  provider: Type.Optional(plainText(1, 50)),
  alias: Type.Optional(plainText(1, 200)),
  model_id: Type.Optional(plainText(1, 200, { alsoAs: ["model"] })),
});
export type ModelAliasRequest = Static<typeof ModelAliasRequest>;

export const ModelAliasQuery = strictObject({
  provider: Type.Optional(plainText(1, 50)),
  alias: Type.Optional(plainText(1, 200)),
});
export type ModelAliasQuery = Static<typeof ModelAliasQuery>;

interface OnAliases {
  org: OrgIdentity;
  caller: Caller;
}

/** The organization's aliases, by provider and name. */
export async function listAliases(
  asked: { org: OrgIdentity; provider: string | undefined },
  ports: BookPorts,
): Promise<ModelAliasList> {
  const provider = asked.provider === undefined ? undefined : await priceProvider(asked.provider);
  const { aliases } = await orgPrices(asked.org, 0, ports.documents);
  const rows = (aliases as readonly AliasDocument[])
    .filter((alias) => alias.removedOrgVersion === null && (provider === undefined || alias.provider === provider))
    .map(aliasRow)
    .sort((a, b) => (`${a.provider} ${a.alias}` < `${b.provider} ${b.alias}` ? -1 : 1));
  return { org_slug: asked.org.slug, aliases: rows, count: rows.length };
}

/** Says which model a name means. One hop: the target must have a price and be no alias itself. */
export async function setAlias(
  asked: OnAliases & { request: ModelAliasRequest },
  effects: Effects<ModelAliasRow>,
  given: WritePorts,
): Promise<Answer<ModelAliasRow>> {
  const { alias, modelId, ...rest } = requiredOf(asked.request);
  const provider = await priceProvider(rest.provider);
  return changePrices(asked, effects, given, (writer) => {
    const standing = standingAlias(writer, provider, alias);
    if (standing !== undefined && standing.modelId === modelId)
      return { answer: aliasRow(standing), details: { resourceId: standing.aliasId } };
    refuseTarget(writer, { provider, alias, modelId });
    if (standing !== undefined) writer.removeAlias(standing);
    const made = writer.addAlias({ provider, alias, modelId });
    return {
      answer: aliasRow(made),
      details: { resourceId: made.aliasId, details: { provider, alias, model_id: modelId } },
    };
  });
}

/** Removes an alias; also when there is none. */
export async function removeAlias(
  asked: OnAliases & { query: ModelAliasQuery },
  effects: Effects<null>,
  given: WritePorts,
): Promise<Answer<null>> {
  const { provider: name, alias } = asked.query;
  if (name === undefined || alias === undefined)
    throw new AppError("INVALID_PARAMETER", "provider and alias are required.", {
      fields: [{ path: name === undefined ? "/provider" : "/alias", problem: "is required" }],
    });
  const provider = await priceProvider(name);
  return changePrices(asked, effects, given, (writer) => {
    const standing = standingAlias(writer, provider, alias);
    if (standing !== undefined) writer.removeAlias(standing);
    const details = { resourceId: standing?.aliasId ?? "none", details: { provider, alias } };
    return { answer: new Reply(204, null), details };
  });
}

function requiredOf(request: ModelAliasRequest): { provider: string; alias: string; modelId: string } {
  const missing = (["provider", "alias", "model_id"] as const).filter((name) => request[name] === undefined);
  if (missing.length > 0)
    throw new AppError("INVALID_BODY", `${missing.join(", ")} must be given.`, {
      fields: missing.map((name) => ({ path: `/${name}`, problem: "is required" })),
    });
  const { provider = "", alias = "", model_id: modelId = "" } = request;
  return { provider, alias: identifierOf(alias), modelId: identifierOf(modelId) };
}

function standingAlias({ aliases }: PriceWriter, provider: string, alias: string): AliasDocument | undefined {
  const name = normalisedModel(provider, alias);
  return aliases.find((each) => each.provider === provider && normalisedModel(provider, each.alias) === name);
}

function refuseTarget(
  { book, today, aliases }: PriceWriter,
  { provider, alias, modelId }: { provider: string; alias: string; modelId: string },
): void {
  const match = matchModel(book, { flow: "payg", provider, model: modelId, day: today, region: everywhere });
  const isItself = normalisedModel(provider, alias) === normalisedModel(provider, modelId);
  const problem =
    match === undefined || match.provider !== provider
      ? "has no price"
      : isItself || match.rule === "alias_org"
        ? "is an alias itself"
        : aliases.length >= maximumAliases
          ? `is one alias more than ${maximumAliases}`
          : undefined;
  if (problem === undefined) return;
  throw new AppError("INVALID_BODY", `model_id ${problem}.`, { fields: [{ path: "/model_id", problem }] });
}

function aliasRow({ provider, alias, modelId, createdAt, createdBy }: AliasDocument): ModelAliasRow {
  return { provider, alias, model_id: modelId, created_at: createdAt, created_by: createdBy };
}
