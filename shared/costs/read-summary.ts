import type { OrgIdentity } from "#shared/access/caller.ts";
import { type AllocationState, allocationState } from "#shared/entity-references/allocation-input.ts";
import { type ChosenEntities, chosenEntities, structureInstant } from "#shared/hierarchy/entity-filter.ts";
import type { FxBook } from "#shared/money/fx-look-up.ts";
import { fxVersionAt } from "#shared/money/fx-past.ts";
import { fxBook } from "#shared/money/fx-store.ts";
import { existingOrg, type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Given } from "#shared/runtime/ports.ts";
import { sourcesReport } from "./completeness.ts";
import type { MonthConversions } from "./conversion.ts";
import type { CostSummaryQuery, SummaryQuery } from "./cost-query.ts";
import { sourcesOf } from "./cost-sources.ts";
import { type DateRange, dateRange, laterDay, monthStart, monthsBetween } from "./dates.ts";
import { type CostFilters, filtersOf, unknownFilters } from "./filters.ts";
import { type CostCaches, costCaches } from "./frame-cache.ts";
import { filterKeys } from "./frame-groups.ts";
import { frameReader } from "./frame-reader.ts";
import { type LedgerSnapshot, ledgerSnapshot } from "./ledger-snapshot.ts";
import { nativeSummary, readNativeGroups } from "./native-summary.ts";
import { asOfInstant, pastSnapshot } from "./past-snapshot.ts";
import { type PlatformFacts, platformFacts } from "./platform-facts.ts";
import { type ReadGroups, readGroups } from "./read-groups.ts";
import { costSummary, type SummaryInput } from "./summary.ts";
import type { CostSummary, NativeSummary } from "./summary-schema.ts";
import { unpricedUsage } from "./unpriced.ts";

const maxDays = 1_096;
const defaultTop = 10;
/** How far before the range sources are looked for; one that was silent for longer is taken as ended. */
const sourceHistoryMonths = 12;

/** What one read needs from its function. */
export type CostPorts = Pick<Given<"documents" | "warehouse">, "documents" | "warehouse" | "clock" | "config">;

/**
 * The summary of an organization's published costs: one snapshot of the ledger, exact sums, money as text in the
 * asked currency, the organization's own by default. Writes nothing. `facts` are the platform's unless given. Errors:
 * those of `dateRange` and `asOfInstant`, `INVALID_PARAMETER`, `ORG_NOT_FOUND`, `READ_BUSY`, `WAREHOUSE_UNAVAILABLE`. Source: costs.md 5.1.
 */
export async function readSummary(
  asked: { org: OrgIdentity; query: CostSummaryQuery },
  ports: CostPorts,
  facts?: PlatformFacts,
): Promise<CostSummary> {
  const startedAt = performance.now();
  const read = await openRead(asked, ports, facts ?? (await platformFacts()));
  const answer = await summaryOf(read, asked.query, ports);
  return { ...answer, query_time_ms: Math.round(performance.now() - startedAt) };
}

/** As `readSummary`, or with `convert=none` the same rows in their own currencies. */
export async function answerSummary(
  { org, query }: { org: OrgIdentity; query: SummaryQuery },
  ports: CostPorts,
  facts?: PlatformFacts,
): Promise<CostSummary | NativeSummary> {
  const { convert, ...asked } = query;
  if (convert === undefined) return readSummary({ org, query: asked }, ports, facts);
  if (asked.currency !== undefined)
    throw new AppError("INVALID_PARAMETER", "convert=none answers in the currencies of the rows.", {
      fields: [{ path: "/currency", problem: "does not go with convert=none" }],
    });
  const startedAt = performance.now();
  const read = await openRead({ org, query: asked }, ports, facts ?? (await platformFacts()));
  const { groups, isHit } = await chosenGroups(read, ports);
  const { months, monthOf } = frameReader(read, ports);
  const { start, end } = read.range;
  const selection = { start, end, filters: read.filters, entities: read.entities?.entities };
  const natives = await readNativeGroups(months, selection, monthOf);
  const input = summaryInput(read, asked, groups);
  const answer = nativeSummary(input, natives, costSummary(input));
  return { ...answer, cache_hit: isHit, query_time_ms: Math.round(performance.now() - startedAt) };
}

/** The summary of a read that is open: also what other answers of the same read say about completeness and rates. */
export async function summaryOf(
  read: CostRead,
  query: Pick<CostSummaryQuery, "basis" | "top">,
  ports: CostPorts,
): Promise<Omit<CostSummary, "query_time_ms">> {
  const { groups, isHit } = await chosenGroups(read, ports);
  return { ...costSummary(summaryInput(read, query, groups)), cache_hit: isHit };
}

function summaryInput(
  read: CostRead,
  query: Pick<CostSummaryQuery, "basis" | "top">,
  groups: ReadGroups,
): SummaryInput {
  const { filters, range, snapshot, today } = read;
  const days = snapshot.months.flatMap((month) => month.days);
  const sources = sourcesOf(days, read.facts.pipelines, filters, groups.sources);
  return {
    orgSlug: read.org.slug,
    currency: read.conversion.currency,
    basis: query.basis ?? "effective",
    top: query.top ?? defaultTop,
    range,
    asOf: read.asOf,
    today,
    filters: read.entities === undefined ? filters : { ...filters, hierarchy_entity_id: read.entities.named },
    unknownFilters: unknownFilters(filters, (name, value) =>
      groups.names.some(({ key }) => key[filterKeys[name]] === value),
    ),
    groups,
    sources: sourcesReport(sources, days, range, today),
    unpriced: unpricedUsage(days, range, filters),
    ledgerVersions: Object.fromEntries(
      monthsBetween(range.start, range.end).map((month) => [month, snapshot.versions[month] ?? 0]),
    ),
    minorDigits: read.facts.minorDigits,
    providerName: read.facts.providerName,
  };
}

/** A request understood, and the state of the ledger that all of its answer comes from. */
export interface CostRead {
  org: OrgIdentity;
  document: OrgDocument;
  /** RFC 3339 UTC: what was published then is read; null for what is published now. */
  asOf: string | null;
  /** UTC day of the instant that is read, today's or an earlier one. */
  today: string;
  range: DateRange;
  filters: CostFilters;
  /** Absent where nothing is asked by entity. */
  allocation: AllocationState | undefined;
  entities: ChosenEntities | undefined;
  snapshot: LedgerSnapshot;
  conversion: MonthConversions;
  caches: CostCaches;
  facts: PlatformFacts;
}

/** What is read, for whom; `within` is an entity that only whose rows, and those of all below it, are taken. */
interface ReadAsked {
  org: OrgIdentity;
  query: CostSummaryQuery;
  /** Its rows are allocated whether or not it names entities. */
  byEntity?: boolean;
  within?: string | undefined;
}

/** Understands a request. Errors as `readSummary`, `ENTITY_NOT_FOUND`. */
export async function openRead(
  { org, query, byEntity = false, within }: ReadAsked,
  { documents, warehouse, clock, config }: CostPorts,
  facts: PlatformFacts,
): Promise<CostRead> {
  const { body, createdAt } = await documents.get<OrgDocument>(orgPath(org.key));
  const document = existingOrg(body);
  const now = clock.now();
  const today = now.toISOString().slice(0, 10);
  const asOf = asOfInstant(query.as_of, { since: document.onboardedAt ?? createdAt, now });
  const { fiscalYearStartMonth: fiscalStartMonth } = document.locale;
  const range = dateRange(query, { today, fiscalStartMonth, maxDays, byDefault: "mtd" });
  const caches = costCaches(documents, warehouse, config.CA_FRAME_CACHE_BYTES);
  const months = monthsBetween(monthStart(range.start, -sourceHistoryMonths), laterDay(range.end, today));
  const { ledgerEpoch: epoch, cacheEpoch } = document;
  const currency = answerCurrency(query.currency ?? document.locale.defaultCurrency, facts);
  const structureAsOf = structureInstant(query.structure_as_of, now);
  const isAllocated = byEntity || namesEntities(query);
  const [snapshot, book, allocation] = await Promise.all([
    snapshotOf({ org, months, epoch, cacheEpoch, asOf }, documents, caches),
    bookOf(org, asOf, documents),
    isAllocated ? allocationState(org, { documents, now, structureAsOf }) : undefined,
  ]);
  const entities = allocation === undefined ? undefined : chosenEntities(allocation.input.tree, { ...query, within });
  const filters = filtersOf(query, facts.providerId);
  const conversion = { currency, book, closedBooks: await closedBooksOf({ org, range, snapshot }, documents) };
  const at = { asOf: asOf ?? null, today: asOf?.slice(0, 10) ?? today };
  return { org, document, ...at, range, filters, allocation, entities, snapshot, conversion, caches, facts };
}

/** The ledger of now, or of the instant that is asked for. */
async function snapshotOf(
  { asOf, ...asked }: Parameters<typeof ledgerSnapshot>[0] & { asOf: string | undefined },
  documents: Documents,
  { months }: CostCaches,
): Promise<LedgerSnapshot> {
  const current = await ledgerSnapshot(asked, documents, months);
  return asOf === undefined ? current : pastSnapshot({ org: asked.org, instant: asOf }, current, documents);
}

/** The book of rates of now, or of the instant that is asked for. */
async function bookOf(org: OrgIdentity, asOf: string | undefined, documents: Documents): Promise<FxBook> {
  return fxBook(org, documents, asOf === undefined ? undefined : await fxVersionAt(org, asOf, documents));
}

/** The books of the closed months of the range, each as it was read at its close. */
async function closedBooksOf(
  { org, range, snapshot }: Pick<CostRead, "org" | "range" | "snapshot">,
  documents: Documents,
): Promise<Map<string, FxBook>> {
  const asked = monthsBetween(range.start, range.end).flatMap((month) => {
    const version = snapshot.fxVersions[month];
    return version === undefined ? [] : [[month, version] as const];
  });
  const versions = [...new Set(asked.map(([, version]) => version))];
  const books = await Promise.all(versions.map((version) => fxBook(org, documents, version)));
  const byVersion = new Map(books.map((book, at) => [versions[at], book]));
  return new Map(
    asked.flatMap(([month, version]) => {
      const book = byVersion.get(version);
      return book === undefined ? [] : [[month, book] as const];
    }),
  );
}

const entityParameters = ["hierarchy_entity_id", "hierarchy_path", "department_id", "project_id", "team_id"] as const;

function namesEntities(query: CostSummaryQuery): boolean {
  return entityParameters.some((name) => query[name] !== undefined);
}

function answerCurrency(code: string, { minorDigits }: PlatformFacts): string {
  const currency = code.toUpperCase();
  if (minorDigits.has(currency)) return currency;
  throw new AppError("INVALID_PARAMETER", `${currency} is not a currency of the platform.`, {
    fields: [{ path: "/currency", problem: "is not an ISO 4217 code of the platform" }],
  });
}

async function chosenGroups(read: CostRead, ports: CostPorts): Promise<{ groups: ReadGroups; isHit: boolean }> {
  const { months, monthOf, isHit } = frameReader(read, ports);
  const { range, filters, entities } = read;
  const groups = await readGroups(months, { range, filters, entities: entities?.entities }, monthOf);
  return { groups, isHit: isHit() };
}
