import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { sourcesReport } from "#shared/costs/completeness.ts";
import { sourcesOf } from "#shared/costs/cost-sources.ts";
import { addDays, monthStart, monthsBetween } from "#shared/costs/dates.ts";
import { costCaches } from "#shared/costs/frame-cache.ts";
import { type LedgerSnapshot, ledgerSnapshot } from "#shared/costs/ledger-snapshot.ts";
import { type PlatformFacts, platformFacts } from "#shared/costs/platform-facts.ts";
import type { CostPorts } from "#shared/costs/read-summary.ts";
import { unpricedUsage } from "#shared/costs/unpriced.ts";
import { adjustmentsOf } from "#shared/ledger/adjustments.ts";
import { countedDays, headPath, type PublishedMonth } from "#shared/ledger/current-batches.ts";
import { emptyHead, type MonthHead } from "#shared/ledger/ledger.ts";
import type { JournalDocument } from "#shared/ledger/publish.ts";
import { sumTotals } from "#shared/ledger/totals.ts";
import { existingOrg, type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { MonthAnswer, type MonthFacts, monthAnswer } from "./month-answer.ts";
import { monthGiven, monthNamed } from "./month-state.ts";

const month = Type.String({ maxLength: 20, description: "YYYY-MM" });

export const MonthsQuery = strictObject({ from: Type.Optional(month), to: Type.Optional(month) });
type MonthsQuery = Static<typeof MonthsQuery>;

export const MonthList = strictObject({ org_slug: Type.String(), months: Type.Array(MonthAnswer) });
type MonthList = Static<typeof MonthList>;

const longestList = 60;
const standardList = 12;
/** How far before the asked months sources are looked for, as in reads of costs. */
const sourceHistoryMonths = 12;

/** Months from `from` to `to`, the newest first; the last twelve by default. 400 `INVALID_DATE`, `RANGE_TOO_LONG`. */
export async function listMonths(
  { org, query }: { org: OrgIdentity; query: MonthsQuery },
  ports: CostPorts,
): Promise<MonthList> {
  const thisMonth = ports.clock.now().toISOString().slice(0, 7);
  const to = query.to === undefined ? thisMonth : monthGiven(query.to, "/to");
  const from =
    query.from === undefined ? monthStart(`${to}-01`, 1 - standardList).slice(0, 7) : monthGiven(query.from, "/from");
  const months = monthsBetween(`${from}-01`, `${to}-01`);
  if (months.length === 0 || months.length > longestList) {
    const problem = months.length === 0 ? "must not lie after to" : `at most ${longestList} months are answered`;
    throw new AppError("RANGE_TOO_LONG", problem, { fields: [{ path: "/from", problem }] });
  }
  return { org_slug: org.slug, months: (await monthAnswers(org, months, ports)).reverse() };
}

/** One month. 404 `MONTH_NOT_FOUND`. */
export async function readMonth(org: OrgIdentity, name: string, ports: CostPorts): Promise<MonthAnswer> {
  const [answer] = await monthAnswers(org, [monthNamed(name)], ports);
  if (answer === undefined) throw new Error("a month without an answer");
  return answer;
}

async function monthAnswers(org: OrgIdentity, months: readonly string[], ports: CostPorts): Promise<MonthAnswer[]> {
  const { documents, warehouse, clock, config } = ports;
  const now = clock.now();
  const today = now.toISOString().slice(0, 10);
  const facts = await platformFacts();
  const { ledgerEpoch: epoch, cacheEpoch } = existingOrg((await documents.get<OrgDocument>(orgPath(org.key))).body);
  const [first = today, last = today] = [months[0], months.at(-1)];
  const known = monthsBetween(monthStart(`${first}-01`, -sourceHistoryMonths), `${last}-01`);
  const caches = costCaches(documents, warehouse, config.CA_FRAME_CACHE_BYTES);
  const snapshot = await ledgerSnapshot({ org, months: known, epoch, cacheEpoch }, documents, caches.months);
  const heads = await documents.getAll<MonthHead>(months.map((name) => headPath(org, name)));
  return Promise.all(
    months.map(async (name, at) => {
      const stored = heads[at]?.body;
      const head = stored?.epoch === epoch ? stored : emptyHead(epoch);
      const own = {
        ...published(name, { snapshot, facts, today }),
        ...(await corrected({ org, epoch, month: name }, head, documents)),
        restatedDays: await restatedDays(org, name, now, documents),
      };
      return monthAnswer({ month: name, head, today }, own, facts.minorDigits);
    }),
  );
}

/** What a month says by what is published. */
function published(
  name: string,
  { snapshot, facts, today }: { snapshot: LedgerSnapshot; facts: PlatformFacts; today: string },
): Pick<MonthFacts, "totals" | "rows" | "missingDays" | "unpricedTokens"> {
  const range = rangeOf(name);
  const days = snapshot.months.flatMap((one) => one.days);
  const sources = sourcesReport(sourcesOf(days, facts.pipelines, {}, []), days, range, today);
  return {
    ...monthTotals(snapshot.months.find((one) => one.month === name)),
    missingDays: sources.sources.reduce((sum, source) => sum + source.missing_day_count, 0),
    unpricedTokens: unpricedUsage(days, range, {}).tokens,
  };
}

/** Billed and effective by currency, and the rows, with what corrects other months. */
export function monthTotals(month: PublishedMonth | undefined): Pick<MonthFacts, "totals" | "rows"> {
  const days = month === undefined ? [] : countedDays(month);
  return { totals: sumTotals(days.map(({ totals }) => totals)), rows: days.reduce((sum, { rows }) => sum + rows, 0) };
}

async function corrected(
  place: Parameters<typeof adjustmentsOf>[0],
  head: MonthHead,
  documents: Documents,
): Promise<Pick<MonthFacts, "adjustments" | "adjusted" | "heldBatches">> {
  const { adjustments, heldBatches } = await adjustmentsOf(place, head, documents);
  const days = adjustments.flatMap(({ d }) => Object.values(d));
  return {
    adjustments: days.reduce((sum, { r }) => sum + r, 0),
    adjusted: sumTotals(days.map(({ t }) => t)),
    heldBatches,
  };
}

/** Days of the month that were restated within the last seven days. */
async function restatedDays(org: OrgIdentity, name: string, now: Date, documents: Documents): Promise<number> {
  const since = new Date(now.getTime() - 7 * 86_400_000).toISOString();
  let cursor: string | undefined;
  let count = 0;
  do {
    const page = await documents.list<JournalDocument>({
      collection: `orgs/${org.key}/journal`,
      filters: [{ field: "month", is: "==", value: name }],
      orderBy: [{ field: "recordedAt", direction: "desc" }],
      limit: 200,
      ...(cursor === undefined ? {} : { cursor }),
    });
    const recent = page.documents.map(({ body }) => body).filter(({ recordedAt }) => recordedAt >= since);
    for (const { kind, days } of recent) if (kind === "restatement") count += days.length;
    cursor = recent.length < page.documents.length ? undefined : page.next;
  } while (cursor !== undefined);
  return count;
}

/** Its days. */
export function rangeOf(name: string): { start: string; end: string; days: number; label: "custom" } {
  const start = `${name}-01`;
  const end = addDays(monthStart(start, 1), -1);
  return { start, end, days: Number(end.slice(8)), label: "custom" };
}
