import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathsBelow, type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { contentHash } from "#shared/lineage/content-hash.ts";
import { amountText, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { sqliteDocuments } from "#shared/platform/documents/sqlite-documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import { frameOf } from "#shared/platform/warehouse/frame.ts";
import { parquetWarehouse } from "#shared/platform/warehouse/parquet-warehouse.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { closeMonth, monthHead, reopenedMonth } from "./closing.ts";
import { batchDaysOf, countedDays, headPath, pipelineMonthPath, publishedMonth } from "./current-batches.ts";
import { costTableDefinition } from "./held-plan.ts";
import {
  type DayOutcome,
  type DayPublication,
  type MonthHead,
  monthOf,
  type PipelineMonth,
  type UnpricedUsage,
} from "./ledger.ts";
import type { LooseBatch } from "./loose-batches.ts";
import { ledgerOrg } from "./publication.fixture.ts";
import type { JournalDocument } from "./publish.ts";
import { type PublishingPorts, publishMonthDays } from "./publish-month-days.ts";

const datasetId = "Acme_test";
export const pipelineId = "openai_cost_usage_cost";

/** One charge of a day: the service it is for decides with which others it is corrected. */
export interface PulledCharge {
  service: string;
  amount: string;
  currency?: string;
  project?: string;
  uncounted?: boolean;
}

/** A ledger with its warehouse and a clock that a test sets. */
export interface Books {
  documents: RecordedDocuments;
  /** A run pulls one day on the day `on` and publishes it; a crash comes before its publication. */
  pull(day: string, charges: readonly PulledCharge[], at: PullTime): Promise<DayOutcome | "crashed">;
  close(month: string, on: string): Promise<void>;
  reopen(month: string, on: string): Promise<void>;
  /** Billed USD by day, with what corrects other months. */
  billed(month: string): Promise<Record<string, string>>;
  /** The rows of a month as a read sees them. */
  rows(month: string): Promise<Record<string, unknown>[]>;
  head(month: string): MonthHead | undefined;
  pipeline(month: string): PipelineMonth | undefined;
  journal(): JournalDocument[];
  looseBatches(): LooseBatch[];
  stop(): Promise<void>;
}

export interface PullTime {
  on: string;
  fence: number;
  run?: string;
  source?: string;
  unpriced?: UnpricedUsage[];
  crash?: boolean;
  /** Happens after the months were read and before the publication commits. */
  meanwhile?: () => Promise<unknown>;
}

export async function freshBooks(): Promise<Books> {
  let now = new Date("2026-03-05T02:00:00Z");
  const clock = { now: () => now };
  const setDay = (day: string): void => {
    now = new Date(`${day}T02:00:00Z`);
  };
  const folder = await mkdtemp(join(tmpdir(), "ledger-"));
  const declared = async () => declareQueries(await configFile("documents/indexes.yml"));
  const documents = recordedDocuments(sqliteDocuments({ file: ":memory:", clock, declared, runBodiesTwice: true }));
  const warehouse = parquetWarehouse({ folder });
  const table = await costTableDefinition();
  await warehouse.ensureDataset({ id: datasetId, label: ledgerOrg.orgId, location: "US", description: "costs" });
  await warehouse.ensureTable(datasetId, table);
  const ports: PublishingPorts = { documents, warehouse, clock, topics: inProcessTopics({}), ids: systemIds };
  const published = (month: string) => publishedMonth(ledgerOrg, month, 1, documents);
  const place = (month: string) => ({ org: ledgerOrg, datasetId, epoch: 1, month });

  return {
    documents,
    async pull(day, charges, at) {
      setDay(at.on);
      const publication = await written(day, charges, at, { ...ports, table });
      if (at.crash === true) return "crashed";
      const { fence, run: runId = `run_${fence}` } = at;
      const month = monthOf(day);
      const context = { ...place(month), pipelineId, runId, fence };
      const racing = { ...ports, documents: interrupted(documents, at.meanwhile) };
      const { days } = await publishMonthDays(
        context,
        () => [publication],
        async () => {},
        racing,
      );
      return days[0]?.outcome ?? "superseded";
    },
    async close(month, on) {
      setDay(on);
      await commitChange(async (change) => {
        const head = await monthHead(place(month), change);
        const facts = { at: now.toISOString(), by: "key_1", note: null, totals: {}, rows: 0, fxVersion: "fx" };
        closeMonth(place(month), head, facts, change);
      }, ports);
    },
    async reopen(month, on) {
      setDay(on);
      await commitChange(async (change) => (await reopenedMonth(place(month), change)).write(), ports);
    },
    async billed(month) {
      const found: Record<string, string> = {};
      for (const { day, totals } of countedDays(await published(month))) {
        const [amount] = totals["USD"] ?? ["0"];
        found[day] = amountText(parseAmount(found[day] ?? "0").plus(amount));
      }
      return found;
    },
    async rows(month) {
      const { rowsOf } = await import("#shared/platform/warehouse/frame.ts");
      const pairs = batchDaysOf(countedDays(await published(month)), table.name);
      const columns = table.columns.map(({ name }) => name);
      return rowsOf(await warehouse.read({ datasetId, table }, pairs, columns), table);
    },
    head: (month) => documents.stored.get(headPath(ledgerOrg, month)) as MonthHead | undefined,
    pipeline: (month) =>
      documents.stored.get(pipelineMonthPath(ledgerOrg, month, pipelineId)) as PipelineMonth | undefined,
    journal: () =>
      pathsBelow(documents, "orgs/acme/journal/").map(
        (path) => documents.stored.get(path) as unknown as JournalDocument,
      ),
    looseBatches: () =>
      pathsBelow(documents, "orgs/acme/looseBatches/").map(
        (path) => documents.stored.get(path) as unknown as LooseBatch,
      ),
    async stop() {
      await documents.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Lets something else happen before the first transaction. */
function interrupted(documents: Documents, meanwhile: PullTime["meanwhile"]): Documents {
  let isDone = meanwhile === undefined;
  const transaction: Documents["transaction"] = async (body) => {
    if (!isDone) {
      isDone = true;
      await meanwhile?.();
    }
    return documents.transaction(body);
  };
  return { ...documents, transaction };
}

/** Writes what a run pulled of a day as one batch. */
async function written(
  day: string,
  charges: readonly PulledCharge[],
  at: PullTime,
  { warehouse, clock, table }: Pick<PublishingPorts, "warehouse" | "clock"> & { table: TableDefinition },
): Promise<DayPublication> {
  const { source = "cred_1", fence, run = `run_${fence}`, unpriced } = at;
  const rows = charges.map((charge, index) => costRow(day, charge, { source, index }));
  const hash = contentHash(rows, table.columns);
  const id = `${run}-${day}-${source.length}${hash.slice(0, 12)}`;
  const lineage = { x_run_id: run, x_batch_id: id };
  const frame = frameOf(
    table,
    rows.map((row) => ({ ...row, ...lineage })),
  );
  if (rows.length > 0) await warehouse.write({ datasetId, table, batchId: id, contentHash: hash, rows: frame });
  const batch = { id, table: table.name, rows: rows.length, run, pulledAt: clock.now().toISOString() };
  const counted = charges.filter(({ uncounted }) => uncounted !== true);
  const parts = rows.length === 0 ? {} : { [table.name]: { batches: [batch], hash, rows: rows.length } };
  const state = rows.length === 0 ? ("empty" as const) : ("complete" as const);
  const pricing = unpriced === undefined ? {} : { pricing: { unpriced } };
  return { source, day, state, pulledFence: fence, rows: rows.length, totals: totalsOf(counted), parts, ...pricing };
}

function totalsOf(charges: readonly PulledCharge[]): DayPublication["totals"] {
  const currencies = [...new Set(charges.map(({ currency = "USD" }) => currency))].sort();
  return Object.fromEntries(
    currencies.map((code) => {
      const own = charges.filter(({ currency = "USD" }) => currency === code);
      const sum = amountText(sumAmounts(own.map(({ amount }) => parseAmount(amount))));
      return [code, [sum, sum]];
    }),
  );
}

function costRow(day: string, charge: PulledCharge, by: { source: string; index: number }): Record<string, unknown> {
  const names = ["ServiceProviderName", "HostProviderName", "InvoiceIssuerName", "ProviderName", "PublisherName"];
  const next = new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString();
  return {
    ...Object.fromEntries(names.map((name) => [name, "OpenAI"])),
    ...Object.fromEntries(["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"].map((n) => [n, charge.amount])),
    BillingAccountId: "account",
    BillingCurrency: charge.currency ?? "USD",
    BillingPeriodStart: `${monthOf(day)}-01T00:00:00Z`,
    BillingPeriodEnd: next,
    ChargePeriodStart: `${day}T00:00:00Z`,
    ChargePeriodEnd: next,
    ChargeCategory: "Usage",
    ChargeFrequency: "Usage-Based",
    ServiceCategory: "AI and Machine Learning",
    ServiceSubcategory: "Generative AI",
    ServiceName: charge.service,
    Tags: charge.project === undefined ? null : JSON.stringify({ team: charge.project, env: "prod" }),
    x_charge_date: day,
    x_row_id: `${by.source}-${day}-${by.index}`,
    x_provider: "openai",
    x_category: "llm",
    x_source_system: "test",
    x_cost_source: "provider_reported",
    x_cost_basis: "provider_reported",
    x_cost_status: "exact",
    x_counted: charge.uncounted !== true,
    x_project_id: charge.project ?? null,
    x_org_slug: "Acme",
    x_pipeline_id: pipelineId,
    x_credential_id: "cred_1",
    x_source: by.source,
    x_pipeline_run_date: day,
    x_source_record_id: `${by.source}-${day}-${by.index}`,
    x_observed_at: next,
    x_ingested_at: next,
    x_ingestion_date: day,
    x_simulated: false,
  };
}
