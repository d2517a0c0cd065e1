import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { type Answer, type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import { nullable } from "#shared/runtime/schema.ts";
import { priceInForce } from "./look-up.ts";
import { normalisedModel } from "./model-name.ts";
import { rowInForce } from "./new-version.ts";
import { onlyProvider } from "./only-provider.ts";
import { type Flow, type PriceVersion, rateNames, type Terms } from "./price.ts";
import { inForceRow, PriceRow, versionRow } from "./price-answer.ts";
import { dayProblems } from "./price-days.ts";
import type { NewVersion, PriceWriter } from "./price-draft.ts";
import type { OverrideRequest } from "./price-fields.ts";
import { flowOf, identifierOf, priceProvider } from "./price-providers.ts";
import { withdrawn } from "./price-removal.ts";
import { plainText, refuseProblems } from "./price-terms.ts";
import { changePrices, type WritePorts } from "./price-writer.ts";
import { auditOf, ownVersions, shownBy } from "./provider-prices.ts";
import { everywhere } from "./versions.ts";

export const OverriddenPrice = Type.Intersect([
  PriceRow,
  Type.Object({ base: nullable(PriceRow), override: nullable(PriceRow) }),
]);
export type OverriddenPrice = Static<typeof OverriddenPrice>;

interface OnOverride {
  org: OrgIdentity;
  caller: Caller;
  flow: string;
  identifier: string;
}

/** Lays rates or a discount over the row in force, from a day on. */
export async function setOverride(
  asked: OnOverride & { request: OverrideRequest; provider: string | undefined },
  effects: Effects<OverriddenPrice>,
  given: WritePorts,
): Promise<Answer<OverriddenPrice>> {
  const { request } = asked;
  const flow = flowOf(asked.flow);
  const modelId = identifierOf(asked.identifier);
  const named = asked.provider ?? request.provider;
  const known = named === undefined ? undefined : await priceProvider(named);
  return changePrices(asked, effects, given, (writer) => {
    const provider = known ?? onlyProvider({ flow, modelId }, writer);
    const region = request.region ?? everywhere;
    const from = request.effective_from ?? writer.today;
    const place = { flow, provider, modelId };
    const row = rowInForce(place, { day: from, region }, writer);
    refuseMoved(request, place, writer);
    const made = writer.add(overrideVersion({ ...place, region, from, row }, request, writer.today));
    const details = { action: "price.override_set", resourceId: made.priceId, details: auditOf(made) };
    const after = priceInForce(writer.next(), { ...place, model: modelId, day: from, region });
    const shown = shownBy(writer);
    if (after === undefined) return { answer: { ...versionRow(made, shown), base: null, override: null }, details };
    return { answer: inForceRow(after, shown), details };
  });
}

/** Withdraws the override of a price; also when there is none. */
export async function clearOverride(
  asked: OnOverride & { provider: string | undefined; region: string | undefined },
  effects: Effects<null>,
  given: WritePorts,
): Promise<Answer<null>> {
  const flow = flowOf(asked.flow);
  const modelId = identifierOf(asked.identifier);
  const known = asked.provider === undefined ? undefined : await priceProvider(asked.provider);
  return changePrices(asked, effects, given, (writer) => {
    const provider = known ?? onlyProvider({ flow, modelId }, writer);
    refuseUnknown({ flow, provider, modelId }, writer);
    const overrides = ownVersions(writer, { flow, provider, modelId }).filter(
      ({ kind, region }) => kind === "override" && (asked.region === undefined || region === asked.region),
    );
    if (overrides.length === 0) return { answer: new Reply(204, null), details: {} };
    return withdrawn(overrides, "price.override_cleared", writer);
  });
}

function refuseUnknown(
  { flow, provider, modelId }: { flow: Flow; provider: string; modelId: string },
  writer: PriceWriter,
): void {
  const name = normalisedModel(provider, modelId);
  if (writer.book.versions(flow, provider, name).length > 0) return;
  if (ownVersions({ own: writer.ever }, { flow, provider, modelId }).length > 0) return;
  throw new AppError("PRICE_NOT_FOUND", "There is no such price.");
}

/** A client that read an older state is told so. */
function refuseMoved(
  { expected_last_updated: expected }: OverrideRequest,
  place: { flow: Flow; provider: string; modelId: string },
  writer: PriceWriter,
): void {
  if (expected == null) return;
  const own = ownVersions({ own: writer.ever }, place);
  const last = own
    .map(({ createdAt, withdrawnAt }) => withdrawnAt ?? createdAt)
    .sort()
    .at(-1);
  if (last === undefined || Date.parse(last) <= Date.parse(expected)) return;
  throw new AppError("VERSION_CONFLICT", "The price has been changed since you read it; read it again.");
}

function overrideVersion(
  at: { flow: Flow; provider: string; modelId: string; region: string; from: string; row: PriceVersion },
  request: OverrideRequest,
  today: string,
): NewVersion {
  const problems: FieldProblem[] = dayProblems(
    { effective_from: request.effective_from, effective_to: request.effective_to },
    today,
  );
  const terms = patchOf(at.flow, request, problems);
  if (Object.keys(terms).length === 0) problems.push({ path: "/discount_pct", problem: "or a rate is required" });
  refuseProblems(problems);
  return {
    kind: "override",
    flow: at.flow,
    provider: at.provider,
    modelId: at.modelId,
    region: at.region,
    commitmentType: at.row.commitmentType,
    currency: at.row.currency,
    effectiveFrom: at.from,
    effectiveTo: request.effective_to ?? null,
    terms,
    notes: request.notes ?? null,
  };
}

function patchOf(flow: Flow, request: OverrideRequest, problems: FieldProblem[]): Terms {
  const valueName = flow === "payg" ? "input_per_1m" : "hourly_rate";
  const allowed: readonly string[] = flow === "payg" ? rateNames : ["hourly_rate", "monthly_rate"];
  const terms: Record<string, string> = {};
  const take = (field: string, name: string): void => {
    const value = (request as Record<string, unknown>)[field];
    if (value == null) return;
    const text = plainText(value as string | number);
    if (text === undefined) problems.push({ path: `/${field}`, problem: "must have at most 12 decimals" });
    else if (Number(text) > (name === "discount_pct" ? 100 : 1_000_000))
      problems.push({ path: `/${field}`, problem: `must be <= ${name === "discount_pct" ? 100 : 1_000_000}` });
    else if (terms[name] !== undefined && terms[name] !== text)
      problems.push({ path: `/${field}`, problem: `contradicts ${name}` });
    else terms[name] = text;
  };
  for (const name of [...rateNames, "hourly_rate", "monthly_rate"]) {
    const isGiven = (request as Record<string, unknown>)[name] !== undefined;
    if (isGiven && !allowed.includes(name))
      problems.push({ path: `/${name}`, problem: `is no rate of a ${flow} price` });
    else take(name, name);
  }
  take("override_value", valueName);
  take("discount_pct", "discount_pct");
  return terms;
}
