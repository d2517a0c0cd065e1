import { setImmediate } from "node:timers/promises";
import type { AllocationInput } from "#shared/hierarchy/allocate.ts";
import { daysBefore, measuredUsage, type UsageLine } from "#shared/hierarchy/measured-usage.ts";
import type { UsageOf } from "#shared/hierarchy/usage-share.ts";
import { batchDaysOf, type PublishedDay, type PublishedMonth } from "#shared/ledger/current-batches.ts";
import { type Decimal, parseAmount, zero } from "#shared/money/amount.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { kindOfMeter } from "#shared/providers/both-sides.ts";

/** The tables that measured usage and its list cost are published in. */
export interface UsageTables {
  usage: TableDefinition;
  computed: TableDefinition;
}

interface UsageSource {
  datasetId: string;
  tables: UsageTables;
  warehouse: Warehouse;
}

/** Columns of a usage row that hold the tokens of each kind. */
const tokenColumns = {
  uncached_input: "uncached_input_tokens",
  cache_read: "cache_read_tokens",
  cache_write_5m: "cache_write_5m_tokens",
  cache_write_1h: "cache_write_1h_tokens",
  output: "output_tokens",
} as const;
const usageColumns = [
  ...["usage_date", "x_credential_id", "x_source_record_id", "project_id", "model", "service_tier", "meter"],
  ...["api_key_id", "user_ref", "request_count", "total_tokens", "price_status", ...Object.values(tokenColumns)],
];
const computedColumns = ["usage_record_id", "sku_meter", "list_cost", "currency", "price_status"];
const sliceRows = 2_000;

type Row = Readonly<Record<string, unknown>>;

/** The first day whose usage the rows of a month may be divided by; undefined where no active rule asks for usage. */
function usageFrom({ rules }: AllocationInput, month: string): string | undefined {
  const asking = rules.filter(({ isActive, action }) => isActive && action.type === "usage_share");
  if (asking.length === 0) return undefined;
  const first = `${month}-01`;
  const isTrailing = asking.some(({ action }) => action.fallback === "trailing_30_days");
  return isTrailing ? (daysBefore(first)[0] ?? first) : first;
}

/** Published usage that rows of a month are divided by. */
interface MonthUsage {
  /** Of the months it lies in: a frame that is divided by it depends on them. */
  versions: string;
  /** The input with it. Error: `WAREHOUSE_UNAVAILABLE`. */
  read(source: UsageSource): Promise<AllocationInput>;
}

/** `published` are the months known, earlier ones too. Usage is read only where a rule asks for it. */
export function usageOfMonth(input: AllocationInput, month: string, published: readonly PublishedMonth[]): MonthUsage {
  const from = usageFrom(input, month);
  if (from === undefined) return { versions: "", read: async () => input };
  const months = published.filter((each) => each.month >= from.slice(0, 7) && each.month <= month);
  return {
    versions: months.map((each) => `${each.month}:${each.version}`).join(),
    read: async (source) => ({ ...input, usageOf: await publishedUsage(months, from, source) }),
  };
}

/** Published usage of the months, from a day on, as rules ask for it. Source: hierarchy.md 2.3. */
async function publishedUsage(months: readonly PublishedMonth[], from: string, source: UsageSource): Promise<UsageOf> {
  const days = months.flatMap((month) => month.days).filter(({ day }) => day >= from);
  const [usage, computed] = await Promise.all([
    rowsOf(days, source, source.tables.usage, usageColumns),
    rowsOf(days, source, source.tables.computed, computedColumns),
  ]);
  const costs = costsOf(computed);
  return measuredUsage(usage.flatMap((row) => linesOf(row, costs)));
}

async function rowsOf(
  days: readonly PublishedDay[],
  { datasetId, warehouse }: UsageSource,
  table: TableDefinition,
  columns: readonly string[],
): Promise<Row[]> {
  const parts = batchDaysOf(days, table.name);
  if (parts.length === 0) return [];
  const { default: pl } = await import("nodejs-polars");
  const frame = (await warehouse.read({ datasetId, table }, parts, [...columns])).select(
    ...columns.map((name) => pl.col(name).cast(pl.Utf8)),
  );
  const rows: Row[] = [];
  for (let at = 0; at < frame.height; at += sliceRows) {
    if (at > 0) await setImmediate();
    rows.push(...frame.slice(at, sliceRows).toRecords());
  }
  return rows;
}

interface Cost {
  /** Null where one part has no price. */
  cost: Decimal | null;
  currency: string | null;
}

/** By usage row and kind. */
type Costs = ReadonlyMap<string, Cost>;

function costsOf(computed: readonly Row[]): Costs {
  const costs = new Map<string, Cost>();
  for (const row of computed) {
    const id = costId(String(row["usage_record_id"]), kindOfMeter(String(row["sku_meter"])));
    const known = costs.get(id) ?? { cost: zero, currency: textOf(row["currency"]) };
    const own = row["price_status"] === "unpriced" ? null : parseAmount(textOf(row["list_cost"]) ?? "0");
    costs.set(id, { ...known, cost: own === null || known.cost === null ? null : known.cost.plus(own) });
  }
  return costs;
}

function costId(recordId: string, kind: string): string {
  return `${recordId} ${kind}`;
}

/** A row's meters, each with what is known of its cost; a token row without its parts is one meter of unknown kind. */
function linesOf(row: Row, costs: Costs): UsageLine[] {
  const recordId = String(row["x_source_record_id"]);
  const base = {
    day: String(row["usage_date"]),
    credentialId: String(row["x_credential_id"]),
    recordId,
    subAccountId: textOf(row["project_id"]),
    model: textOf(row["model"]),
    serviceTier: textOf(row["service_tier"]),
    apiKeyId: textOf(row["api_key_id"]),
    userId: textOf(row["user_ref"]),
    requests: Number(row["request_count"] ?? 0),
  };
  const isFree = row["price_status"] === "included" || row["price_status"] === "none";
  return metersOf(row).map(([meter, tokens]): UsageLine => {
    const known = meter === null ? undefined : costs.get(costId(recordId, meter));
    const { cost, currency } = known ?? { cost: isFree ? zero : null, currency: null };
    return { ...base, meter, tokens, cost, currency };
  });
}

function metersOf(row: Row): [meter: string | null, tokens: number][] {
  if (row["meter"] !== "tokens") return [[String(row["meter"]), 0]];
  const kinds = Object.entries(tokenColumns).map(([kind, column]): [string, number] => [
    kind,
    Number(row[column] ?? 0),
  ]);
  const used = kinds.filter(([, tokens]) => tokens > 0);
  return used.length > 0 ? used : [[null, Number(row["total_tokens"] ?? 0)]];
}

function textOf(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value).normalize("NFC");
}
