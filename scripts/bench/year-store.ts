import { createHash } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import pl, { type DataFrame } from "nodejs-polars";
import { platformFacts } from "#shared/costs/platform-facts.ts";
import { withOrganization } from "#shared/costs/publication.fixture.ts";
import { headPath, pipelineMonthPath } from "#shared/ledger/current-batches.ts";
import { decideMonth } from "#shared/ledger/decide-month.ts";
import type { DayPublication, MonthHead, PipelineMonth } from "#shared/ledger/ledger.ts";
import { existingOrg, type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { systemClock } from "#shared/platform/clock.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { open as openDocuments } from "#shared/platform/embedded/documents.ts";
import { open as openWarehouse } from "#shared/platform/embedded/warehouse.ts";
import { parquetLayout } from "#shared/platform/warehouse/parquet-layout.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { type Configuration, readConfiguration } from "#shared/runtime/config.ts";
import { type MonthRows, orgYear } from "./org-year.ts";
import { batchOf, pipelineOf, source, yearFrame } from "./year-frame.ts";
import { addRows, noGroups, type YearGroups } from "./year-groups.ts";
import { yearOrg } from "./year-question.ts";

/** One organization's year on the embedded stores, and the same rows in one Parquet file. */
export interface StoredYear {
  config: Configuration;
  documents: Documents;
  warehouse: Warehouse;
  file: string;
  /** Folder of what reads leave behind, of many files in one. */
  copies: string;
  /** The exact sums of all rows. */
  exact: YearGroups;
}

const publishedAt = "2026-01-01T02:00:00.000Z";

/** Writes every month as one batch per provider and publishes its days, as runs do; `say` is told of each month. */
export async function storeYear(
  asked: { rows: number; seed: number; folder: string },
  say: (line: string) => void,
): Promise<StoredYear> {
  const config = await readConfiguration({ ENVIRONMENT: "test", CA_DATA_DIR: asked.folder });
  const [documents, warehouse] = await Promise.all([openDocuments(config), openWarehouse(config)]);
  const stores = { documents, warehouse, clock: systemClock, org: yearOrg, close: () => documents.close() };
  await withOrganization(stores, yearOrg);
  const { dataset } = existingOrg((await documents.get<OrgDocument>(orgPath(yearOrg.key))).body);
  const { costTable } = await platformFacts();
  const exact = noGroups();
  const months = join(asked.folder, "months");
  await mkdir(months, { recursive: true });
  for (const rows of orgYear(asked.rows, asked.seed)) {
    addRows(exact, rows);
    const frame = yearFrame({ org: yearOrg, table: costTable }, rows);
    await frame
      .lazy()
      .sinkParquet(join(months, `${rows.month}.parquet`), { compression: "zstd" })
      .collect();
    for (const { provider, own } of byProvider(frame)) {
      const batchId = batchOf(rows.month, provider);
      const contentHash = createHash("sha256").update(`${asked.rows}|${asked.seed}|${batchId}`).digest("hex");
      await warehouse.write({ datasetId: dataset.id, table: costTable, batchId, contentHash, rows: own });
      await publishMonth(documents, rows, {
        provider,
        publications: await publicationsOf(own, batchId, costTable.name),
      });
    }
    say(`${rows.month}: ${rows.rows} rows stored and published`);
  }
  const file = join(asked.folder, "year.parquet");
  await pl.scanParquet(join(months, "*.parquet")).sinkParquet(file, { compression: "zstd" }).collect();
  await rm(months, { recursive: true });
  const copies = parquetLayout(join(asked.folder, "warehouse")).copies({ datasetId: dataset.id, table: costTable });
  return { config, documents, warehouse, file, copies, exact };
}

function byProvider(frame: DataFrame): { provider: string; own: DataFrame }[] {
  const providers = frame.getColumn("x_provider").unique().toArray().map(String).sort();
  return providers.map((provider) => ({ provider, own: frame.filter(pl.col("x_provider").eq(pl.lit(provider))) }));
}

/** Every day of the batch with its totals, as the ledger wants them. */
async function publicationsOf(own: DataFrame, batchId: string, table: string): Promise<DayPublication[]> {
  const text = (name: string) => pl.col(name).sum().cast(pl.Utf8);
  const days = await own
    .lazy()
    .groupBy([pl.col("x_charge_date").cast(pl.Utf8).alias("day")])
    .agg(text("BilledCost"), text("EffectiveCost"), pl.len().cast(pl.Int64).alias("rows"))
    .collect();
  const batch = { id: batchId, table, rows: own.height, run: "run_bench", pulledAt: publishedAt };
  return days.toRecords().map((record) => ({
    source,
    day: String(record["day"]),
    state: "complete",
    pulledFence: 1,
    rows: Number(record["rows"]),
    totals: { USD: [String(record["BilledCost"]), String(record["EffectiveCost"])] },
    parts: { [table]: { batches: [batch], hash: `${batchId}-${String(record["day"])}`, rows: Number(record["rows"]) } },
  }));
}

async function publishMonth(
  documents: Documents,
  { month }: MonthRows,
  { provider, publications }: { provider: string; publications: DayPublication[] },
): Promise<void> {
  await documents.transaction(async (tx) => {
    const pipelineId = pipelineOf(provider);
    const [headAt, pipelineAt] = [headPath(yearOrg, month), pipelineMonthPath(yearOrg, month, pipelineId)];
    const stored = {
      head: (await tx.get<MonthHead>(headAt)).body,
      pipeline: (await tx.get<PipelineMonth>(pipelineAt)).body,
    };
    const decision = decideMonth(stored, publications, { epoch: 1, pipelineId, now: publishedAt });
    tx.set(headAt, decision.head);
    tx.set(pipelineAt, decision.pipeline);
  });
}
