import { type Static, Type } from "@sinclair/typebox";
import { parseAmount } from "#shared/money/amount.ts";
import { readStrictCsv } from "#shared/platform/strict-csv.ts";
import type { Answer, Effects } from "#shared/runtime/declaration.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import { choice, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { commitmentVersions, infrastructureVersions } from "./other-rows.ts";
import { paygVersions } from "./payg-rows.ts";
import { flows, keyText, type PriceVersion, rateNames, type Terms } from "./price.ts";
import { priceProvider } from "./price-providers.ts";
import type { FileRow } from "./price-rows.ts";
import { isWithinOnePercent, withDoubts } from "./price-sanity.ts";
import { isSameTerms } from "./price-terms.ts";
import type { WritePorts } from "./price-writer.ts";
import { type ProposalDocument, proposalPath } from "./proposals.ts";
import { type CurrentRelease, currentRelease, currentReleasePath, releaseIn, writeRelease } from "./releases.ts";
import { areTierRows, type LoadedTier, loadedTiers, mergedTerms, placeOfTier, withTiers } from "./tier-load.ts";

const longestCsv = 5 * 1024 * 1024;
/** Of the whole body: JSON escapes line ends and quotes, and says a little beside the rows. */
export const longestLoadBody = 2 * longestCsv + 65_536;

export const LoadRequest = strictObject({
  flow: Type.Optional(choice(flows)),
  csv_content: Type.Optional(Type.String({ maxLength: longestCsv })),
  dry_run: Type.Boolean({ default: true }),
  correction: Type.Boolean({ default: false }),
  reason: Type.Optional(plainText(3, 500)),
});
export type LoadRequest = Static<typeof LoadRequest>;

const named = () => Type.Array(Type.String());

export const LoadAnswer = strictObject({
  release: Type.Integer(),
  dry_run: Type.Boolean(),
  added: named(),
  changed: named(),
  unchanged: Type.Integer(),
  proposed: Type.Array(strictObject({ proposal_id: nullable(Type.String()), row: Type.String() })),
  refused: Type.Array(strictObject({ row: Type.String(), problem: Type.String() })),
  dissent: Type.Array(
    strictObject({ row: Type.String(), source: Type.String(), meter: Type.String(), difference_pct: Type.String() }),
  ),
});
export type LoadAnswer = Static<typeof LoadAnswer>;

/** Rows of a load, sorted by what becomes of them. */
interface Sorted {
  added: PriceVersion[];
  changed: PriceVersion[];
  proposed: PriceVersion[];
  unchanged: number;
  refused: { row: string; problem: string }[];
}

/**
 * Loads rows into the next release. Rows far from what other sources say wait as proposals; a row of a past day changes
 * only as a correction. All of it is one transaction that moves the pointer.
 */
export async function loadPrices(
  asked: { request: LoadRequest },
  effects: Effects<LoadAnswer>,
  given: WritePorts,
): Promise<Answer<LoadAnswer>> {
  const { flow, csv_content: csv, reason } = asked.request;
  const missing = Object.entries({ flow, csv_content: csv, reason }).filter(([, value]) => value === undefined);
  if (flow === undefined || csv === undefined || reason === undefined)
    throw invalid(missing.map(([name]) => ({ path: `/${name}`, problem: "is required" })));
  if (Buffer.byteLength(csv) > longestCsv)
    throw invalid([{ path: "/csv_content", problem: `must have at most ${longestCsv} bytes` }]);
  await currentRelease(given);
  const loaded = await loadedRows(flow, csv);
  return effects.commit(async (change) => {
    const stored = (await change.get<CurrentRelease>(currentReleasePath)).body;
    if (stored === undefined) throw new Error("there is no release although one was made");
    const content = await releaseIn(stored.release, stored.providers, change);
    await effects.prepare(change);
    const now = change.now.toISOString();
    const tiered = withTiers(loaded.tiers, content.prices);
    const versions = [...loaded.versions, ...tiered.versions.map(doubted)];
    const sorted = sortedRows(versions, content.prices, { today: now.slice(0, 10), ...asked.request });
    sorted.refused.push(...loaded.refused, ...tiered.refused);
    const isWritten = !asked.request.dry_run;
    const released = [...sorted.added, ...sorted.changed].map((version) => ({
      ...version,
      createdAt: now,
      createdBy: "root",
    }));
    const keys = new Set(released.map(placeText));
    const prices = [...content.prices.filter((version) => !keys.has(placeText(version))), ...released];
    const proposals = sorted.proposed.map((price) => ({ id: given.ids.newId("ppr"), price }));
    const pointer =
      isWritten && released.length > 0
        ? writeRelease({ content: { ...content, prices }, stored, hash: null, by: "root", reason }, change)
        : stored;
    if (isWritten) {
      for (const { id, price } of proposals)
        change.create<ProposalDocument>(proposalPath(id), {
          proposalId: id,
          state: "OPEN",
          price,
          reason,
          decidedAt: null,
          decision: null,
        });
    }
    const answer = answerOf(sorted, proposals, { release: pointer.release, isWritten });
    effects.conclude(change, answer, {
      resourceId: String(pointer.release),
      details: { reason, flow, added: answer.added.length, changed: answer.changed.length, proposed: proposals.length },
      isAudited: !isWritten,
    });
    return answer;
  });
}

/** What a file says: rows that are whole versions, or tiers of rows that stand already. */
interface LoadedRows {
  versions: PriceVersion[];
  tiers: LoadedTier[];
  refused: Sorted["refused"];
}

async function loadedRows(flow: (typeof flows)[number], csv: string): Promise<LoadedRows> {
  const { value, faults } = readStrictCsv(csv, longestCsv);
  if (faults.length > 0) throw invalid(faults.map(({ line, problem }) => ({ path: `/csv_content/${line}`, problem })));
  const problems: FieldProblem[] = [];
  const isTiers = flow === "payg" && areTierRows(value);
  const { tiers, refused } = isTiers ? loadedTiers(value, problems) : { tiers: [], refused: [] };
  const versions = isTiers ? [] : versionsOf(flow, value, problems).map(doubted);
  if (problems.length > 0)
    throw invalid(problems.map(({ path, problem }) => ({ path: `/csv_content${path}`, problem })));
  const known = await ofKnownProviders(versions, nameOf, refused);
  return { versions: known, tiers: await ofKnownProviders(tiers, nameOfTier, refused), refused };
}

/** An operator's row with what speaks against it. */
function doubted(version: PriceVersion): PriceVersion {
  return withDoubts({ ...version, source: "operator", createdBy: "root", dissent: [] });
}

async function ofKnownProviders<T extends { provider: string }>(
  rows: readonly T[],
  nameOfRow: (row: T) => string,
  refused: Sorted["refused"],
): Promise<T[]> {
  const known: T[] = [];
  for (const row of rows) {
    const provider = await priceProvider(row.provider).catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error;
      refused.push({ row: nameOfRow(row), problem: "the provider is not known" });
      return undefined;
    });
    if (provider === row.provider) known.push(row);
    else if (provider !== undefined)
      refused.push({ row: nameOfRow(row), problem: `the provider is called ${provider}` });
  }
  return known;
}

function versionsOf(flow: (typeof flows)[number], rows: readonly FileRow[], problems: FieldProblem[]): PriceVersion[] {
  if (flow === "commitment") return commitmentVersions(rows, "", problems);
  if (flow === "infrastructure") return infrastructureVersions(rows, "", problems);
  const { prices, faults } = paygVersions({ prices: rows, tiers: [] }, "");
  problems.push(...faults);
  return prices;
}

function sortedRows(
  versions: readonly PriceVersion[],
  before: readonly PriceVersion[],
  by: { today: string; correction: boolean },
): Sorted {
  const sorted: Sorted = { added: [], changed: [], proposed: [], unchanged: 0, refused: [] };
  const standing = new Map(before.map((version) => [placeText(version), version]));
  for (const version of versions) {
    const same = standing.get(placeText(version));
    const next = same === undefined ? version : { ...version, terms: mergedTerms(same.terms, version.terms) };
    if (same !== undefined && isSameTerms(same.terms, next.terms)) sorted.unchanged += 1;
    else if (same !== undefined && version.effectiveFrom < by.today && !by.correction)
      sorted.refused.push({ row: nameOf(version), problem: "changes a row of a past day: ask for a correction" });
    else if (!isNearOthers(next, before)) sorted.proposed.push(next);
    else (same === undefined ? sorted.added : sorted.changed).push(next);
  }
  return sorted;
}

/** Within 1 % of every other row of its key. */
function isNearOthers(version: PriceVersion, before: readonly PriceVersion[]): boolean {
  const others = before.filter((other) => keyText(other) === keyText(version));
  return others.every((other) => isNear(version.terms, other.terms));
}

function isNear(one: Terms, other: Terms): boolean {
  const tiers = new Map((other.tiers ?? []).map((row) => [placeOfTier(row), row]));
  const areTiersNear = (one.tiers ?? []).every((row) => areRatesNear(row, tiers.get(placeOfTier(row)) ?? {}));
  return areTiersNear && areRatesNear(one, other);
}

function areRatesNear(one: Terms, other: Terms): boolean {
  return [...rateNames, "hourly_rate" as const, "monthly_rate" as const].every((name) => {
    const [a, b] = [one[name], other[name]];
    return a == null || b == null || isWithinOnePercent(parseAmount(a), parseAmount(b));
  });
}

function answerOf(
  sorted: Sorted,
  proposals: readonly { id: string; price: PriceVersion }[],
  { release, isWritten }: { release: number; isWritten: boolean },
): LoadAnswer {
  const loaded = [...sorted.added, ...sorted.changed, ...sorted.proposed];
  return {
    release,
    dry_run: !isWritten,
    added: sorted.added.map(nameOf),
    changed: sorted.changed.map(nameOf),
    unchanged: sorted.unchanged,
    proposed: proposals.map(({ id, price }) => ({ proposal_id: isWritten ? id : null, row: nameOf(price) })),
    refused: sorted.refused,
    dissent: loaded.flatMap((version) =>
      version.dissent.map(({ source, meter, difference_pct }) => ({
        row: nameOf(version),
        source,
        meter,
        difference_pct,
      })),
    ),
  };
}

function placeText(version: PriceVersion): string {
  return `${keyText(version)} ${version.effectiveFrom}`;
}

function nameOfTier({ provider, model, region }: LoadedTier): string {
  return `${provider}/${model} ${region}`;
}

function nameOf({ provider, modelId, region, effectiveFrom }: PriceVersion): string {
  return `${provider}/${modelId} ${region} ${effectiveFrom}`;
}

function invalid(fields: FieldProblem[]): AppError {
  return new AppError("INVALID_BODY", `The body is not valid: ${fields[0]?.path} ${fields[0]?.problem}.`, {
    fields: fields.slice(0, 100),
  });
}
