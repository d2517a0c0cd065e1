import type { OrgIdentity } from "#shared/access/caller.ts";
import { existingOrg, type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Given } from "#shared/runtime/ports.ts";
import { sourcesReport } from "./completeness.ts";
import type { CostSummaryQuery } from "./cost-query.ts";
import { sourcesOf } from "./cost-sources.ts";
import { type DateRange, dateRange, laterDay, monthStart, monthsBetween } from "./dates.ts";
import { type CostFilters, filtersOf, unknownFilters } from "./filters.ts";
import { type CostCaches, costCaches, monthKey } from "./frame-cache.ts";
import { filterKeys } from "./frame-groups.ts";
import { type LedgerSnapshot, ledgerSnapshot } from "./ledger-snapshot.ts";
import { buildMonthFrame } from "./month-frame.ts";
import { type PlatformFacts, platformFacts } from "./platform-facts.ts";
import { type ReadGroups, readGroups } from "./read-groups.ts";
import { costSummary } from "./summary.ts";
import type { CostSummary } from "./summary-schema.ts";

const maxDays = 1_096;
const defaultTop = 10;
/** How far before the range sources are looked for; one that was silent for longer is taken as ended. */
const sourceHistoryMonths = 12;

/** What one read needs from its function. */
export type CostPorts = Pick<Given<"documents" | "warehouse">, "documents" | "warehouse" | "clock" | "config">;

/**
 * The summary of an organization's published costs: one snapshot of the ledger, exact sums, money as text in the
 * organization's currency. Writes nothing. `facts` are the platform's unless given. Errors: those of `dateRange`,
 * `ORG_NOT_FOUND`, `READ_BUSY`, `WAREHOUSE_UNAVAILABLE`. Source: costs.md 5.1.
 */
export async function readSummary(
  asked: { org: OrgIdentity; query: CostSummaryQuery },
  ports: CostPorts,
  facts?: PlatformFacts,
): Promise<CostSummary> {
  const startedAt = performance.now();
  const read = await openRead(asked, ports, facts ?? (await platformFacts()));
  const { groups, isHit } = await chosenGroups(read, ports);
  const { query } = asked;
  const { document, filters, range, snapshot, today } = read;
  const days = snapshot.months.flatMap((month) => month.days);
  const sources = sourcesOf(days, read.facts.pipelines, filters, groups.sources);
  const answer = costSummary({
    orgSlug: asked.org.slug,
    currency: document.locale.defaultCurrency,
    basis: query.basis ?? "effective",
    top: query.top ?? defaultTop,
    range,
    today,
    filters,
    unknownFilters: unknownFilters(filters, (name, value) =>
      groups.names.some(({ key }) => key[filterKeys[name]] === value),
    ),
    groups,
    sources: sourcesReport(sources, days, range, today),
    ledgerVersions: Object.fromEntries(
      monthsBetween(range.start, range.end).map((month) => [month, snapshot.versions[month] ?? 0]),
    ),
    minorDigits: read.facts.minorDigits,
    providerName: read.facts.providerName,
  });
  return { ...answer, cache_hit: isHit, query_time_ms: Math.round(performance.now() - startedAt) };
}

/** A request understood, and the state of the ledger that all of its answer comes from. */
interface CostRead {
  org: OrgIdentity;
  document: OrgDocument;
  /** UTC day of the clock. */
  today: string;
  range: DateRange;
  filters: CostFilters;
  snapshot: LedgerSnapshot;
  caches: CostCaches;
  facts: PlatformFacts;
}

async function openRead(
  { org, query }: { org: OrgIdentity; query: CostSummaryQuery },
  { documents, warehouse, clock, config }: CostPorts,
  facts: PlatformFacts,
): Promise<CostRead> {
  const document = existingOrg((await documents.get<OrgDocument>(orgPath(org.key))).body);
  const today = clock.now().toISOString().slice(0, 10);
  const { fiscalYearStartMonth: fiscalStartMonth } = document.locale;
  const range = dateRange(query, { today, fiscalStartMonth, maxDays, byDefault: "mtd" });
  const caches = costCaches(documents, warehouse, config.CA_FRAME_CACHE_BYTES);
  const months = monthsBetween(monthStart(range.start, -sourceHistoryMonths), laterDay(range.end, today));
  const { ledgerEpoch: epoch, cacheEpoch } = document;
  const snapshot = await ledgerSnapshot({ org, months, epoch, cacheEpoch }, documents, caches.months);
  return { org, document, today, range, filters: filtersOf(query, facts.providerId), snapshot, caches, facts };
}

async function chosenGroups(read: CostRead, { warehouse }: CostPorts): Promise<{ groups: ReadGroups; isHit: boolean }> {
  const { org, range, snapshot, caches } = read;
  const source = { datasetId: read.document.dataset.id, table: read.facts.costTable };
  const published = new Map(snapshot.months.map((month) => [month.month, month]));
  let isHit = true;
  const months = monthsBetween(range.start, range.end).flatMap((month) => published.get(month) ?? []);
  const groups = await readGroups(months, read, async (month) => {
    const key = monthKey(org, month.month, { ...snapshot, version: month.version });
    const frame = await caches.frames.get(key, () => buildMonthFrame(month, source, warehouse));
    isHit &&= frame.isHit;
    return frame.value;
  });
  return { groups, isHit };
}
