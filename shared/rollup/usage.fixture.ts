import { platformFacts } from "#shared/costs/platform-facts.ts";
import { goldenOrg, type Stores } from "#shared/costs/publication.fixture.ts";
import { headPath, pipelineMonthPath } from "#shared/ledger/current-batches.ts";
import { decideMonth } from "#shared/ledger/decide-month.ts";
import { type MonthHead, monthOf, type PipelineMonth } from "#shared/ledger/ledger.ts";
import { contentHash } from "#shared/lineage/content-hash.ts";
import { frameOf } from "#shared/platform/warehouse/frame.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";

/** Measured usage as the tests state it: tokens in, and what they cost by the price book. */
export interface Used {
  day: string;
  key: string | null;
  tokens: number;
  /** Null: no price. */
  cost: string | null;
  project?: string;
  model?: string;
  requests?: number;
  credential?: string;
}

let batches = 0;

/** Publishes usage and its computed lines of some days of one month, as a run of a GenAI provider does. */
export async function publishUsage({ documents, warehouse }: Stores, used: readonly Used[], fence = 1): Promise<void> {
  const { usageTables } = await platformFacts();
  const days = [...new Set(used.map(({ day }) => day))].sort();
  const month = monthOf(days[0] ?? "");
  const written = [
    await write(usageTables.usage, used.map(usageRow)),
    await write(usageTables.computed, used.map(computedRow)),
  ];
  await documents.transaction(async (tx) => {
    const head = (await tx.get<MonthHead>(headPath(goldenOrg, month))).body;
    const shard = pipelineMonthPath(goldenOrg, month, "usage");
    const pipeline = (await tx.get<PipelineMonth>(shard)).body;
    const publications = days.map((day) => ({
      ...{ source: "src", day, state: "complete" as const, pulledFence: fence, rows: 1, totals: {} },
      parts: Object.fromEntries(written.map(({ name, batch, hash }) => [name, { batches: [batch], hash, rows: 1 }])),
    }));
    const decision = decideMonth({ head, pipeline }, publications, {
      epoch: 1,
      pipelineId: "usage",
      now: "2026-03-05T02:10:00.000Z",
    });
    tx.set(headPath(goldenOrg, month), decision.head);
    tx.set(shard, decision.pipeline);
  });

  async function write(table: TableDefinition, rows: Record<string, unknown>[]) {
    await warehouse.ensureTable("golden_org_test", table);
    const id = `usage-${++batches}`;
    const hash = contentHash(rows, table.columns);
    const all = rows.map((row) => ({ ...row, x_batch_id: id }));
    await warehouse.write({
      ...{ datasetId: "golden_org_test", table, batchId: id, contentHash: hash },
      rows: frameOf(table, all),
    });
    const batch = { id, table: table.name, rows: rows.length, run: "run_u", pulledAt: "2026-03-05T02:00:00.000Z" };
    return { name: table.name, batch, hash };
  }
}

function recordOf({ day }: Used, at: number): string {
  return `u-${day}-${at}`;
}

function lineage(used: Used, at: number): Record<string, unknown> {
  const { day, credential = "c1" } = used;
  return {
    ...{ usage_date: day, provider: "openai", x_org_slug: goldenOrg.slug, x_pipeline_id: "usage" },
    ...{ x_credential_id: credential, x_source: "src", x_pipeline_run_date: day, x_run_id: "run_u" },
    ...{ x_source_record_id: recordOf(used, at), x_observed_at: `${day}T23:00:00Z`, x_ingested_at: `${day}T23:00:00Z` },
    ...{ x_ingestion_date: day, x_simulated: false },
  };
}

function usageRow(used: Used, at: number): Record<string, unknown> {
  const { key, tokens, project = null, model = "gpt", requests = 1, cost } = used;
  return {
    ...lineage(used, at),
    ...{ account_id: "account", operation: "completions", meter: "tokens", service_tier: "standard" },
    ...{
      model,
      project_id: project,
      api_key_id: key,
      quantity: String(tokens),
      unit: "tokens",
      request_count: requests,
    },
    ...{ uncached_input_tokens: tokens, total_tokens: tokens, cache_split: true, quantity_basis: "reported" },
    price_status: cost === null ? "unpriced" : "priced",
  };
}

function computedRow(used: Used, at: number): Record<string, unknown> {
  const { tokens, cost, model = "gpt" } = used;
  return {
    ...lineage(used, at),
    ...{
      model,
      usage_record_id: recordOf(used, at),
      flow: "payg",
      sku_meter: "input",
      quantity: String(tokens),
      unit: "tokens",
    },
    ...{ list_cost: cost, contracted_cost: cost, currency: cost === null ? null : "USD", price_version: "v1" },
    price_status: cost === null ? "unpriced" : "priced",
    x_source_record_id: `c-${recordOf(used, at)}`,
  };
}
