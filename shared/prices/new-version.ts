import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import { priceInForce } from "./look-up.ts";
import { normalisedModel } from "./model-name.ts";
import type { Flow, PriceVersion, Terms } from "./price.ts";
import { dayProblems } from "./price-days.ts";
import type { NewVersion, PriceWriter } from "./price-draft.ts";
import type { FlowPriceRequest } from "./price-fields.ts";
import { farRates, missingTerms, refuseProblems, termsOf } from "./price-terms.ts";
import { everywhere } from "./versions.ts";

/** A price as any of the endpoints takes it. */
export type PriceRequest = Partial<FlowPriceRequest>;

/** What a price is for, known before its body is looked at. */
export interface PricePlace {
  flow: Flow;
  provider: string;
  modelId?: string;
}

/** A new price as asked. Throws 422 `INVALID_BODY` naming every problem. */
export function newVersion(place: PricePlace, request: PriceRequest, today: string): NewVersion {
  const problems: FieldProblem[] = [];
  const terms = termsOf(place.flow, request, problems);
  const version = versionOf(place, request, terms, today, problems);
  problems.push(...missingTerms(place.flow, terms));
  if (place.flow === "commitment" && request.commitment_type === undefined)
    problems.push({ path: "/commitment_type", problem: "is required" });
  refuseProblems(problems);
  return version;
}

/** The next version of a price: what the request leaves out is copied from the one in force on its first day. */
export function followingVersion(
  place: PricePlace & { modelId: string },
  request: PriceRequest,
  writer: PriceWriter,
): { version: NewVersion; before: PriceVersion } {
  const problems: FieldProblem[] = [];
  const day = request.effective_from ?? writer.today;
  const region = request.region ?? everywhere;
  const before = rowInForce(place, { day, region }, writer);
  const terms = termsOf(place.flow, request, problems, before.terms);
  const asked = { ...request, region, currency: request.currency ?? before.currency };
  const version = versionOf(place, asked, terms, writer.today, problems);
  refuseProblems(problems);
  return { version: { ...version, commitmentType: before.commitmentType }, before };
}

/** The row that holds on a day, organization before platform, without overrides. Throws `PRICE_NOT_FOUND`. */
export function rowInForce(
  { flow, provider, modelId }: PricePlace & { modelId: string },
  at: { day: string; region: string },
  { book }: Pick<PriceWriter, "book">,
): PriceVersion {
  const found = priceInForce(book, { flow, provider, model: modelId, ...at });
  const isExact =
    found !== undefined && !found.isInherited && found.match.modelId === normalisedModel(provider, modelId);
  if (!isExact) throw new AppError("PRICE_NOT_FOUND", "This model has no price in force on that day.");
  return found.row;
}

function versionOf(
  { flow, provider, modelId }: PricePlace,
  request: PriceRequest,
  terms: Terms,
  today: string,
  problems: FieldProblem[],
): NewVersion {
  const own = flow === "infrastructure" ? request.instance_type : request.model_id;
  const name = modelId ?? own;
  const field = flow === "infrastructure" ? "instance_type" : "model_id";
  if (name === undefined) problems.push({ path: `/${field}`, problem: "is required" });
  if (modelId !== undefined && own !== undefined && own !== modelId)
    problems.push({ path: `/${field}`, problem: "contradicts the address" });
  problems.push(...dayProblems({ effective_from: request.effective_from, effective_to: request.effective_to }, today));
  return {
    kind: "custom",
    flow,
    provider,
    modelId: (name ?? "").normalize("NFC").trim(),
    region: request.region ?? everywhere,
    commitmentType: flow === "commitment" ? (request.commitment_type ?? null) : null,
    currency: (request.currency ?? "USD").toUpperCase(),
    effectiveFrom: request.effective_from ?? today,
    effectiveTo: request.effective_to ?? null,
    terms,
    notes: request.notes ?? null,
    sourceRef: request.source_ref ?? null,
  };
}

export interface PriceWarning {
  code: string;
  field: string;
  message: string;
}

/** Rates that look like a slip of a unit: far from the platform's of the same model. */
export function warningsOf(version: NewVersion, { book }: Pick<PriceWriter, "book">): PriceWarning[] {
  const platform = book
    .versions(version.flow, version.provider, normalisedModel(version.provider, version.modelId))
    .find(({ scope }) => scope === "platform");
  if (platform === undefined || platform.currency !== version.currency) return [];
  return farRates(version.terms, platform.terms).map((field) => ({
    code: "PRICE_FAR_FROM_DEFAULT",
    field,
    message: `${field} is ${version.terms[field]}, the platform's is ${platform.terms[field]}.`,
  }));
}
