import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { headPath, monthStates, pipelineMonthPath } from "#shared/ledger/current-batches.ts";
import { decideMonth } from "#shared/ledger/decide-month.ts";
import {
  type DayState,
  type MonthHead,
  monthOf,
  type PipelineMonth,
  type Totals,
  type UnpricedUsage,
} from "#shared/ledger/ledger.ts";
import { publishMonthDays } from "#shared/ledger/publish-month-days.ts";
import { contentHash } from "#shared/lineage/content-hash.ts";
import { amountText, parseAmount } from "#shared/money/amount.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import type { Clock } from "#shared/platform/clock.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { sqliteDocuments } from "#shared/platform/documents/sqlite-documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import { frameOf } from "#shared/platform/warehouse/frame.ts";
import { parquetWarehouse } from "#shared/platform/warehouse/parquet-warehouse.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { addDays } from "./dates.ts";
import { platformFacts } from "./platform-facts.ts";

export const goldenOrg: OrgIdentity = { slug: "golden_org", key: "golden_org", orgId: "org_01GOLDEN" };

export interface Stores {
  documents: Documents;
  warehouse: Warehouse;
  clock: Clock;
  org: OrgIdentity;
  close: () => Promise<void>;
}

/** A fresh organization on the embedded stores: fiscal start month 4, US dollars unless said. */
export async function freshStores(options: { now: string; currency?: string }): Promise<Stores> {
  const folder = await mkdtemp(join(tmpdir(), "costs-"));
  const clock: Clock = { now: () => new Date(options.now) };
  const documents = sqliteDocuments({
    file: ":memory:",
    clock,
    declared: async () => declareQueries(await configFile("documents/indexes.yml")),
  });
  const warehouse = parquetWarehouse({ folder });
  const close = async (): Promise<void> => {
    await documents.close();
    await rm(folder, { recursive: true, force: true });
  };
  return withOrganization({ documents, warehouse, clock, org: goldenOrg, close }, goldenOrg, options.currency);
}

/** The same stores seen as another organization, which is made. */
export async function withOrganization(stores: Stores, org: OrgIdentity, currency = "USD"): Promise<Stores> {
  await stores.documents.transaction(async (tx) => tx.create(`orgs/${org.key}`, orgDocument(org, currency)));
  const dataset = { id: datasetOf(org), label: org.orgId, location: "US", description: "costs" };
  await stores.warehouse.ensureDataset(dataset);
  await stores.warehouse.ensureTable(dataset.id, (await platformFacts()).costTable);
  return { ...stores, org };
}

function orgDocument(org: OrgIdentity, currency: string): OrgDocument {
  return {
    slug: org.slug,
    orgId: org.orgId,
    state: "ACTIVE",
    companyName: "Golden",
    adminEmail: "owner@example.com",
    locale: {
      defaultCurrency: currency,
      defaultCountry: "GB",
      defaultLanguage: "en",
      defaultTimezone: "UTC",
      fiscalYearStartMonth: 4,
      dateFormat: "YYYY-MM-DD",
    },
    dataset: { id: datasetOf(org), location: "US" },
    onboarding: null,
    onboardedAt: "2026-01-01T00:00:00.000Z",
    trialUsed: false,
    ledgerEpoch: 1,
    cacheEpoch: 0,
  };
}

function datasetOf(org: OrgIdentity): string {
  return `${org.slug}_test`;
}

/** A charge as the tests state it; what is left out is as in costs.md section 11. */
export interface Charge {
  day: string;
  provider: string;
  category: string;
  service: string;
  billed: string;
  effective?: string;
  list?: string;
  contracted?: string;
  currency?: string;
  charge?: string;
  chargeClass?: string;
  serviceCategory?: string;
  counted?: boolean;
  simulated?: boolean;
  /** Further columns of the row. */
  columns?: Record<string, unknown>;
}

export interface Publication {
  pipelineId: string;
  source?: string;
  charges: Charge[];
  /** Published without rows. */
  emptyDays?: string[];
  /** Days whose state is partial. */
  partialDays?: string[];
  /** By day. */
  unpriced?: Record<string, UnpricedUsage[]>;
  fence?: number;
  /** Written with its entry in the journal, as by a run. */
  isJournalled?: boolean;
}

let batches = 0;

/** Writes one batch per month with all its days and publishes it, as a run does. */
export async function publish(stores: Stores, publication: Publication): Promise<void> {
  const days = [...publication.charges.map(({ day }) => day), ...(publication.emptyDays ?? [])];
  for (const month of [...new Set(days.map(monthOf))].sort()) await publishMonth(stores, publication, month);
}

async function publishMonth(stores: Stores, publication: Publication, month: string): Promise<void> {
  const { pipelineId, source = "src", fence = 1 } = publication;
  const charges = publication.charges.filter(({ day }) => monthOf(day) === month);
  const empty = (publication.emptyDays ?? []).filter((day) => monthOf(day) === month);
  const batchId = `batch-${++batches}`;
  const { costTable } = await platformFacts();
  const rows = charges.map((charge, at) => costRow(stores.org, charge, { pipelineId, source, batchId, at }));
  const hash = contentHash(rows, costTable.columns);
  if (rows.length > 0)
    await stores.warehouse.write({
      datasetId: datasetOf(stores.org),
      table: costTable,
      batchId,
      contentHash: hash,
      rows: frameOf(costTable, rows),
    });
  const batch = {
    id: batchId,
    table: costTable.name,
    rows: rows.length,
    run: "run_1",
    pulledAt: "2026-03-05T02:00:00.000Z",
  };
  const publications = [...new Set([...charges.map(({ day }) => day), ...empty])].sort().map((day) => {
    const own = charges.filter((charge) => charge.day === day);
    const state: DayState =
      own.length === 0 ? "empty" : publication.partialDays?.includes(day) ? "partial" : "complete";
    const parts =
      own.length === 0 ? {} : { [costTable.name]: { batches: [batch], hash: `${hash}-${day}`, rows: own.length } };
    const unpriced = publication.unpriced?.[day];
    const pricing = unpriced === undefined ? {} : { pricing: { unpriced } };
    return { source, day, state, pulledFence: fence, rows: own.length, totals: totalsOf(own), parts, ...pricing };
  });
  const context = {
    org: stores.org,
    datasetId: datasetOf(stores.org),
    epoch: 1,
    pipelineId,
    month,
    runId: "run_1",
    fence,
  };
  const ports = { ...stores, topics: inProcessTopics({}), ids: systemIds };
  const current = (await stores.documents.get<MonthHead>(headPath(stores.org, month))).body;
  if (current?.state === "closed" || publication.isJournalled === true) {
    await publishMonthDays(
      context,
      () => publications,
      async () => {},
      ports,
    );
    return;
  }
  await stores.documents.transaction(async (tx) => {
    const head = (await tx.get<MonthHead>(headPath(stores.org, month))).body;
    const shardPath = pipelineMonthPath(stores.org, month, pipelineId);
    const pipeline = (await tx.get<PipelineMonth>(shardPath)).body;
    const at = { epoch: 1, pipelineId, now: "2026-03-05T02:10:00.000Z" };
    const decision = decideMonth({ head, pipeline }, publications, at);
    tx.set(headPath(stores.org, month), decision.head);
    tx.set(shardPath, decision.pipeline);
  });
}

export async function versionOf(stores: Stores, month: string): Promise<number> {
  return (await monthStates(stores.org, [month], 1, stores.documents))[month]?.version ?? 0;
}

function totalsOf(charges: readonly Charge[]): Totals {
  const totals: Totals = {};
  for (const charge of charges.filter(({ counted }) => counted !== false)) {
    const currency = charge.currency ?? "USD";
    const [billed, effective] = totals[currency] ?? ["0", "0"];
    const add = (sum: string, amount: string): string => amountText(parseAmount(sum).plus(parseAmount(amount)));
    totals[currency] = [add(billed, charge.billed), add(effective, charge.effective ?? charge.billed)];
  }
  return totals;
}

function costRow(
  org: OrgIdentity,
  charge: Charge,
  by: { pipelineId: string; source: string; batchId: string; at: number },
): Record<string, unknown> {
  const { day, billed } = charge;
  const [start, end] = [`${day}T00:00:00Z`, `${addDays(day, 1)}T00:00:00Z`];
  return {
    BilledCost: billed,
    EffectiveCost: charge.effective ?? billed,
    ListCost: charge.list ?? billed,
    ContractedCost: charge.contracted ?? billed,
    BillingAccountId: "account",
    BillingCurrency: charge.currency ?? "USD",
    BillingPeriodStart: start,
    BillingPeriodEnd: end,
    ChargePeriodStart: start,
    ChargePeriodEnd: end,
    ChargeCategory: charge.charge ?? "Usage",
    ChargeClass: charge.chargeClass ?? null,
    ChargeFrequency: "Usage-Based",
    ServiceCategory: charge.serviceCategory ?? "Other",
    ServiceSubcategory: "Other (Other)",
    ServiceName: charge.service,
    ServiceProviderName: charge.provider,
    HostProviderName: charge.provider,
    InvoiceIssuerName: charge.provider,
    ProviderName: charge.provider,
    PublisherName: charge.provider,
    x_charge_date: day,
    x_row_id: `${by.batchId}-${by.at}`,
    x_provider: charge.provider,
    x_category: charge.category,
    x_source_system: "test",
    x_cost_source: "provider_reported",
    x_cost_basis: "provider_reported",
    x_cost_status: "exact",
    x_counted: charge.counted ?? true,
    x_org_slug: org.slug,
    x_pipeline_id: by.pipelineId,
    x_credential_id: "cred",
    x_source: by.source,
    x_pipeline_run_date: day,
    x_run_id: "run_1",
    x_batch_id: by.batchId,
    x_source_record_id: `${by.batchId}-${by.at}`,
    x_observed_at: end,
    x_ingested_at: end,
    x_ingestion_date: addDays(day, 1),
    x_simulated: charge.simulated ?? false,
    ...charge.columns,
  };
}
