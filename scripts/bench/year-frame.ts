import pl, { type DataFrame, type Expr, type Series } from "nodejs-polars";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { dataTypeOf, seriesOf } from "#shared/platform/warehouse/column-series.ts";
import type { Column, TableDefinition } from "#shared/platform/warehouse/table.ts";
import { charges, correction, type MonthRows, services, unitsText } from "./org-year.ts";

/** Whose rows they are: one pipeline and one source per provider, each month in one batch. */
export interface YearOwner {
  org: OrgIdentity;
  table: TableDefinition;
}

export function pipelineOf(provider: string): string {
  return `${provider}-cost-daily`;
}

export const source = "cred_1";

export function batchOf(month: string, provider: string): string {
  return `bench-${month}-${provider}`;
}

/** The month as rows of `cost_data_standard`, with all its columns in their order and types. */
export function yearFrame({ org, table }: YearOwner, rows: MonthRows): DataFrame {
  const differing = differingColumns(rows);
  const alike = constants(org);
  const given = pl.DataFrame(
    table.columns.filter(({ name }) => differing[name] !== undefined).map((column) => seriesFor(column, differing)),
  );
  const others = table.columns.filter(({ name }) => differing[name] === undefined);
  const lists = others.filter(({ mode }) => mode === "REPEATED");
  const whole = lists.reduce((frame, column) => frame.withColumn(emptyLists(column, rows.rows)), given);
  return whole
    .withColumns(
      ...others
        .filter(({ mode }) => mode !== "REPEATED")
        .map((column) => constantOf(column, alike[column.name] ?? null)),
    )
    .select(...table.columns.map(({ name }) => name));
}

type Values = Record<string, readonly (string | null)[]>;

function differingColumns(rows: MonthRows): Values {
  const per = <T>(value: (row: number) => T): T[] => Array.from({ length: rows.rows }, (_, row) => value(row));
  const service = services.map((facts) => ({ ...facts, pipeline: pipelineOf(facts.provider) }));
  const of = (name: keyof (typeof service)[number]): string[] =>
    per((row) => service[rows.service[row] ?? 0]?.[name] ?? "");
  const amounts = (units: Float64Array): string[] => per((row) => unitsText(units[row] ?? 0));
  const provider = of("provider");
  const days = per((row) => rows.days[rows.day[row] ?? 0] ?? "");
  const ids = per((row) => `${rows.month}-${row}`);
  return {
    EffectiveCost: amounts(rows.effective),
    BilledCost: amounts(rows.billed),
    ListCost: amounts(rows.list),
    ContractedCost: amounts(rows.contracted),
    ChargeCategory: per((row) => charges[rows.charge[row] ?? 0] ?? ""),
    ChargeClass: per((row) => (rows.isCorrection[row] === 1 ? correction : null)),
    ServiceName: of("name"),
    ServiceCategory: of("serviceCategory"),
    x_provider: provider,
    ProviderName: provider,
    x_category: of("category"),
    x_pipeline_id: of("pipeline"),
    x_batch_id: provider.map((id) => batchOf(rows.month, id)),
    x_charge_date: days,
    x_row_id: ids,
    x_source_record_id: ids,
  };
}

function constants(org: OrgIdentity): Record<string, string | boolean> {
  return {
    BillingCurrency: "USD",
    BillingAccountId: "account",
    ServiceSubcategory: "Other (Other)",
    ChargeFrequency: "Usage-Based",
    ServiceProviderName: "provider",
    HostProviderName: "provider",
    InvoiceIssuerName: "provider",
    PublisherName: "provider",
    x_source_system: "bench",
    x_cost_source: "provider_reported",
    x_cost_basis: "provider_reported",
    x_cost_status: "exact",
    x_counted: true,
    x_simulated: false,
    x_org_slug: org.slug,
    x_credential_id: source,
    x_source: source,
    x_run_id: "run_bench",
  };
}

/** Instants and dates that no summary reads are one and the same in all rows. */
const someDay = "2026-01-01";

function constantOf(column: Column, value: string | boolean | null): Expr {
  const filled = value === null && column.mode === "REQUIRED" ? requiredValue(column) : pl.lit(value);
  return filled.cast(dataTypeOf(column), true).alias(column.name);
}

function requiredValue({ name, type }: Column): Expr {
  if (type === "DATE") return pl.lit(someDay);
  if (type === "TIMESTAMP") return pl.lit(String(Date.parse(someDay) * 1000)).cast(pl.Int64, true);
  throw new Error(`the benchmark fills no column ${name}`);
}

function seriesFor(column: Column, values: Values): Series {
  return seriesOf(column, values[column.name] ?? []);
}

function emptyLists(column: Column, rows: number): Series {
  return seriesOf(
    column,
    Array.from({ length: rows }, () => []),
  );
}
