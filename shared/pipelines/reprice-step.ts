import type { PublishedDay } from "#shared/ledger/current-batches.ts";
import { contentOf } from "#shared/ledger/current-batches.ts";
import { monthOf } from "#shared/ledger/ledger.ts";
import { contentHash } from "#shared/lineage/content-hash.ts";
import { bookOf } from "#shared/prices/org-prices.ts";
import type { Row } from "#shared/providers/provider.ts";
import { sourceMonths } from "#shared/reprices/preview.ts";
import { computedTable, costTable, type Published, pulledMonths, rowsOfDays } from "#shared/reprices/published-rows.ts";
import type { FrozenDay } from "#shared/reprices/reprice.ts";
import { frozenDays, repriceOf } from "#shared/reprices/reprice-store.ts";
import { type RepricedDay, repricedMonth } from "#shared/reprices/repriced-month.ts";
import { dayFacts, partsOf, writtenTable } from "./parts.ts";
import type { Step } from "./pipeline.ts";
import type { PartDocument, RunDocument } from "./run.ts";
import type { RunSession } from "./session.ts";
import type { StepProduct } from "./step-product.ts";

export const repricePipelineId = "prices-reprice";
export const repriceProcessor = "prices.reprice";

export function isReprice({ pipelineId }: Pick<RunDocument, "pipelineId">): boolean {
  return pipelineId === repricePipelineId;
}

/** The preview that a run of this pipeline publishes. */
export function repriceIdOf({ parameters }: Pick<RunDocument, "parameters">): string {
  return String(parameters["reprice_id"]);
}

/**
 * One month of an applied preview: its days that still say what they said then are priced with its version of the book
 * and written as batches, to be published together. The checkpoint is the month that comes next.
 */
export async function repriceStep(
  { step, progress }: { step: Step; progress: StepProduct },
  session: RunSession,
): Promise<StepProduct> {
  const { run, org } = session.claim;
  const { documents, warehouse } = session.ports;
  const published: Published = {
    org: run.org,
    epoch: org.ledgerEpoch,
    datasetId: org.dataset.id,
    documents,
    warehouse,
  };
  const reprice = await repriceOf(run.org, repriceIdOf(run), documents);
  const frozen = await frozenDays(run.org, reprice, documents);
  const months = [...new Set(frozen.map(({ day }) => monthOf(day)))].sort();
  const month = typeof progress.next === "string" ? progress.next : months[0];
  const done: StepProduct = { sources: {}, parts: [], rowCount: 0, warnings: [], findings: [], dayFences: {} };
  if (month === undefined) return done;
  const book = await bookOf(run.org, session.ports, reprice.priceBookVersion);
  const standing = await standingDays(month, frozen, published);
  const next = months[months.indexOf(month) + 1];
  const number = { next: progress.parts.length };
  for (const source of await sourceMonths(standing, reprice.scope, session.adapterOf)) {
    session.signal.throwIfAborted();
    const { changed } = await repricedMonth(source, { scope: reprice.scope, book }, published);
    done.parts.push(...(await writeRepriced(changed, { step, published, number }, session)));
    done.rowCount += changed.reduce((sum, { computed }) => sum + computed.length, 0);
  }
  return next === undefined ? done : { ...done, next };
}

/** The month with only those days that still say what the preview saw. */
async function standingDays(month: string, frozen: readonly FrozenDay[], published: Published) {
  const seen = new Map(frozen.map((day) => [dayText(day), day.content]));
  const months = await pulledMonths([month], published);
  return months.map((each) => ({
    ...each,
    days: each.days.filter((day) => seen.get(dayText(day)) === contentOf(day.hashes)),
  }));
}

function dayText({ pipelineId, source, day }: Pick<PublishedDay, "pipelineId" | "source" | "day">): string {
  return JSON.stringify([pipelineId, source, day]);
}

interface Written {
  step: Step;
  published: Published;
  /** Of the step's next part. */
  number: { next: number };
}

async function writeRepriced(
  changed: readonly RepricedDay[],
  written: Written,
  session: RunSession,
): Promise<string[]> {
  const [first] = changed;
  if (first === undefined) return [];
  const lineage = await sourceLineage(changed, written.published);
  const computed = new Map(changed.map((own) => [own.day.day, own.computed as Row[]]));
  const costs = new Map(
    changed.flatMap(({ day, costs: rows }) => (rows === undefined ? [] : [[day.day, rows] as const])),
  );
  const facts = new Map(changed.map((own) => [own.day.day, own]));
  const ids: string[] = [];
  for (const [table, byDay] of [[computedTable, computed] as const, [costTable, costs] as const])
    for (const days of partsOf(byDay))
      ids.push(await writeRepricedPart({ table, days, byDay, facts, lineage, at: first.day }, written, session));
  return ids;
}

/** What the rows of a source say of where they come from; nothing of it changes by pricing them again. */
async function sourceLineage(changed: readonly RepricedDay[], published: Published): Promise<Row> {
  const columns = ["x_credential_id", "x_pipeline_run_date", "x_observed_at", "x_environment", "x_simulated"];
  const days = changed.slice(0, 1).map(({ day }) => day);
  const [row] = await rowsOfDays(computedTable, days, published, columns);
  if (row === undefined) throw new Error("a priced day without rows");
  return row;
}

interface RepricedPart {
  table: string;
  days: readonly string[];
  byDay: ReadonlyMap<string, Row[]>;
  facts: ReadonlyMap<string, RepricedDay>;
  lineage: Row;
  at: PublishedDay;
}

async function writeRepricedPart(
  { table: name, days, byDay, facts, lineage, at }: RepricedPart,
  { step, number }: Written,
  { claim, ports, batches }: RunSession,
): Promise<string> {
  const { run } = claim;
  const table = await writtenTable(name);
  const rows = days.flatMap((day) => byDay.get(day) ?? []);
  const hash = contentHash(rows, table.columns);
  const part = `p${String(number.next++).padStart(4, "0")}`;
  const batchId = `${run.runId}-${step.id}-${name}-${part}-${hash.slice(0, 12)}`;
  const ingestedAt = ports.clock.now().toISOString();
  const document: PartDocument = {
    batchId,
    stepId: step.id,
    source: at.source,
    table: name,
    state: "REGISTERED",
    rows: rows.length,
    contentHash: hash,
    pulledAt: new Date(String(lineage["x_observed_at"])).toISOString(),
    days: Object.fromEntries(days.map((day) => [day, dayFacts(byDay.get(day) ?? [], table)])),
    repriced: {
      pipelineId: at.pipelineId,
      days: Object.fromEntries(
        days.map((day) => {
          const own = facts.get(day);
          const content = contentOf(own?.day.hashes);
          return [day, { content, pricing: own?.pricing ?? {}, standing: own?.standing ?? {} }];
        }),
      ),
    },
  };
  await batches.write(document, table, async () => {
    const { frameOf } = await import("#shared/platform/warehouse/frame.ts");
    const own = {
      ...lineage,
      x_org_slug: run.org.slug,
      x_pipeline_id: at.pipelineId,
      x_source: at.source,
      x_run_id: run.runId,
      x_batch_id: batchId,
      x_ingested_at: ingestedAt,
      x_ingestion_date: ingestedAt.slice(0, 10),
    };
    return frameOf(
      table,
      rows.map((row) => ({ ...row, ...own })),
    );
  });
  return batchId;
}
