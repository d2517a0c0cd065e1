import { batchDaysOf, pulledDays } from "#shared/ledger/current-batches.ts";
import { monthOf } from "#shared/ledger/ledger.ts";
import { computedRows, type PublishedLine } from "#shared/prices/computed-rows.ts";
import { bookOf } from "#shared/prices/org-prices.ts";
import type { PriceBook } from "#shared/prices/price-book.ts";
import {
  type CountedLine,
  type CountedTokens,
  countedColumns,
  countingPrices,
  daysCountedOn,
  looksBackTo,
  usedBefore,
} from "#shared/prices/used-before.ts";
import type { DayState, Finding, Pulled, Row } from "#shared/providers/provider.ts";
import type { ComputedRow, UsageRow } from "#shared/providers/raw-rows.ts";
import type { Claim } from "./claim.ts";
import type { EnginePorts } from "./engine-ports.ts";
import { computedTable, organizationTables } from "./parts.ts";
import { addDays } from "./range.ts";

const usageTable = "genai_usage_daily_raw";

/**
 * The step `prices.apply`: the usage rows of the run priced with the organization's book, a published day with the version
 * it was published with. What has no price is a line without amounts and a finding. Source: `prices-and-plans.md` A1, A9.
 */
export async function priceStep(
  rows: Record<string, readonly Row[]>,
  days: Record<string, DayState>,
  { claim, ports }: { claim: Claim; ports: EnginePorts },
): Promise<Pulled & { countedOn: string[] }> {
  const usage = (rows[usageTable] ?? []) as unknown as readonly UsageRow[];
  const current = await bookOf(claim.run.org, ports);
  const published = await publishedLines(Object.keys(days), claim, ports);
  const books = new Map<string, PriceBook>([[current.version, current]]);
  for (const version of new Set(published.map((line) => line.price_version))) {
    if (!books.has(version)) books.set(version, await bookOf(claim.run.org, ports, version));
  }
  const since = looksBackTo(current, Object.keys(days));
  const earlier = since === undefined ? [] : await publishedTokens(since, Object.keys(days), claim, ports);
  const before = usedBefore(usage, earlier);
  const computed = computedRows(usage, {
    current: current.version,
    published,
    ...(since === undefined ? {} : { before: (row: UsageRow) => before(row, since) }),
    book: (version) => books.get(version) ?? current,
  });
  const countedOn = await laterDays(computed, current, { claim, ports });
  return {
    rows: { [computedTable]: computed },
    days: { ...days },
    findings: unpricedOf(computed),
    warnings: [],
    countedOn,
  };
}

/** Published days behind the run's whose prices count what the run's days use, up to today. */
async function laterDays(
  computed: readonly ComputedRow[],
  book: PriceBook,
  { claim, ports }: { claim: Claim; ports: EnginePorts },
): Promise<string[]> {
  const counting = countingPrices(book);
  const own = computed.filter(({ price_id }) => price_id !== null && counting.has(price_id));
  const [first] = own.map(({ usage_date }) => usage_date).sort();
  if (first === undefined) return [];
  const isEndless = own.some(({ price_id }) => counting.get(price_id ?? "") === "ever");
  const today = ports.clock.now().toISOString().slice(0, 10);
  const later: string[] = [];
  for (let day = addDays(first, 1); day <= today && (isEndless || sameMonth(own, day)); day = addDays(day, 1))
    later.push(day);
  const columns = ["usage_date", "model", "price_id"];
  const lines = await publishedRows({ table: computedTable, columns, days: later }, claim, ports);
  return daysCountedOn(own, lines as unknown as CountedLine[], counting);
}

function sameMonth(lines: readonly ComputedRow[], day: string): boolean {
  return lines.some(({ usage_date }) => monthOf(usage_date) === monthOf(day));
}

/** How the lines of this source are priced that are published for these days. */
async function publishedLines(days: readonly string[], claim: Claim, ports: EnginePorts): Promise<PublishedLine[]> {
  const columns = ["usage_date", "usage_record_id", "sku_meter", "price_status", "price_version"];
  return (await publishedRows({ table: computedTable, columns, days }, claim, ports)) as unknown as PublishedLine[];
}

/** The tokens of this source that are published from a day on, up to the last day of the run. */
async function publishedTokens(
  since: string,
  days: readonly string[],
  claim: Claim,
  ports: EnginePorts,
): Promise<CountedTokens[]> {
  const last = [...days].sort().at(-1) ?? since;
  const earlier: string[] = [];
  for (let day = since; day < last; day = addDays(day, 1)) earlier.push(day);
  const asked = { table: usageTable, columns: countedColumns, days: earlier };
  return (await publishedRows(asked, claim, ports)) as unknown as CountedTokens[];
}

async function publishedRows(
  asked: { table: string; columns: readonly string[]; days: readonly string[] },
  { run, org }: Claim,
  ports: EnginePorts,
): Promise<Row[]> {
  const table = (await organizationTables()).get(asked.table);
  if (table === undefined) throw new Error(`there is no table ${asked.table}`);
  const wanted = new Set(asked.days);
  const months = [...new Set(asked.days.map(monthOf))].sort();
  const place = { org: run.org, epoch: org.ledgerEpoch, pipelineId: run.pipelineId };
  const found = await Promise.all(months.map((month) => pulledDays(place, month, ports.documents)));
  const own = found.flat().filter(({ source, day }) => source === run.credentialId && wanted.has(day));
  const batches = batchDaysOf(own, asked.table);
  if (batches.length === 0) return [];
  const { rowsOf } = await import("#shared/platform/warehouse/frame.ts");
  return rowsOf(await ports.warehouse.read({ datasetId: org.dataset.id, table }, batches, [...asked.columns]), table);
}

function unpricedOf(rows: readonly ComputedRow[]): Finding[] {
  const found = new Map<string, Finding>();
  for (const { model, sku_meter: meter, service_tier: tier, price_status: status } of rows) {
    if (status !== "unpriced") continue;
    const path = [model ?? "no model", tier, meter].join("/");
    const known = found.get(path);
    if (known === undefined) found.set(path, { code: "unpriced", path, count: 1, first: model ?? meter });
    else known.count += 1;
  }
  return [...found.values()];
}
