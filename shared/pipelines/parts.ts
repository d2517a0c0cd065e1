import type { DataFrame } from "nodejs-polars";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import type { Totals } from "#shared/ledger/ledger.ts";
import { contentHash } from "#shared/lineage/content-hash.ts";
import { amountText, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { BatchDays } from "#shared/platform/warehouse/warehouse.ts";
import type { Row } from "#shared/providers/provider.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Claim } from "./claim.ts";
import type { DayFacts, PartDocument } from "./run.ts";
import type { RunSession } from "./session.ts";

/** The one table whose amounts are money that counts. */
export const costTable = "cost_data_standard";
/** Usage priced by the price book, beside the money that counts. */
export const computedTable = "genai_computed_daily";

const maximumRowsOfPart = 500_000;

let tables: Promise<Map<string, TableDefinition>> | undefined;

/** The tables of an organization's dataset, by name. */
export function organizationTables(): Promise<Map<string, TableDefinition>> {
  tables ??= loadTableConfig("organizations").then(
    (config) => new Map(config.tables.map((table) => [table.name, table])),
  );
  return tables;
}

/** The definition of a table that a step writes. */
export async function writtenTable(name: string): Promise<TableDefinition> {
  const table = (await organizationTables()).get(name);
  if (table === undefined)
    throw new AppError("PROCESSOR_UNKNOWN", `A step wrote the table ${name}, which does not exist.`);
  return table;
}

/** What a step hands over to be written. */
export interface StepRows {
  stepId: string;
  table: string;
  rows: readonly Row[];
  /** Days the run asked for: a row of another day fails the run. */
  days: readonly string[];
  observedAt: string;
}

/** One batch to be: rows of whole days of one source and table, or a slice of a day that is too large for one. */
export interface NewPart {
  stepId: string;
  source: string;
  table: TableDefinition;
  /** Grows within the step and table. */
  number: number;
  rows: number;
  contentHash: string;
  days: Record<string, DayFacts>;
  observedAt: string;
  /** The rows with these lineage columns, made when the batch has to be written. */
  frame(lineage: PartLineage): Promise<DataFrame>;
}

/** The lineage of every row of a part but its own record id. */
export type PartLineage = Record<string, string | boolean | null>;

/**
 * Writes rows of whole days as immutable batches and answers their batch ids. The id holds the content's hash: the same
 * rows are the same batch, so writing them again is a no-op; other rows are another batch, so two extractions never mix.
 * `firstNumber` grows with what the step has written before.
 */
export async function writeParts(written: StepRows, firstNumber: number, session: RunSession): Promise<string[]> {
  const table = await writtenTable(written.table);
  const byDay = rowsByDay(written, table);
  const ids: string[] = [];
  for (const [number, days] of partsOf(byDay).entries()) {
    const rows = days.flatMap((day) => byDay.get(day) ?? []);
    const part: NewPart = {
      stepId: written.stepId,
      source: session.claim.run.credentialId,
      table,
      number: firstNumber + number,
      rows: rows.length,
      contentHash: contentHash(rows, table.columns),
      days: Object.fromEntries(days.map((day) => [day, dayFacts(byDay.get(day) ?? [], table)])),
      observedAt: written.observedAt,
      frame: async (lineage) => {
        const { frameOf } = await import("#shared/platform/warehouse/frame.ts");
        return frameOf(
          table,
          rows.map((row) => ({ ...row, ...lineage })),
        );
      },
    };
    ids.push(await writePart(part, session));
  }
  return ids;
}

/**
 * Writes one part and answers its batch id. A part of which every day is published with the same content already is not
 * loaded (UNCHANGED): it names the batches that hold its rows.
 */
export async function writePart(part: NewPart, session: RunSession): Promise<string> {
  const { claim, ports, batches } = session;
  const { table } = part;
  const batchId = `${claim.run.runId}-${part.stepId}-${table.name}-p${String(part.number).padStart(4, "0")}-${part.contentHash.slice(0, 12)}`;
  const kept = claim.run.forceRefresh ? undefined : await session.published.batchesOf(part);
  const document: PartDocument = {
    batchId,
    stepId: part.stepId,
    source: part.source,
    table: table.name,
    state: kept === undefined ? "REGISTERED" : "UNCHANGED",
    rows: part.rows,
    contentHash: part.contentHash,
    pulledAt: part.observedAt,
    days: part.days,
    ...(kept === undefined ? {} : { kept }),
  };
  await batches.write(document, table, () => part.frame(lineageOf(batchId, part, claim, ports.clock.now())));
  return batchId;
}

/** The (batch, days) pairs that hold the rows of a part. */
export function batchDaysOf({ batchId, days, kept }: PartDocument): BatchDays[] {
  if (kept === undefined) return [{ batchId, days: Object.keys(days) }];
  return Object.entries(kept).flatMap(([day, batches]) => batches.map(({ id }) => ({ batchId: id, days: [day] })));
}

function rowsByDay(written: StepRows, table: TableDefinition): Map<string, Row[]> {
  const field = table.partition?.field ?? "";
  const asked = new Set(written.days);
  const byDay = new Map<string, Row[]>();
  for (const row of written.rows) {
    const day = String(row[field]);
    if (!asked.has(day))
      throw new AppError("DATE_OUT_OF_RANGE", `${table.name} has a row of ${day}, which was not asked for.`);
    const rows = byDay.get(day);
    if (rows === undefined) byDay.set(day, [row]);
    else rows.push(row);
  }
  return byDay;
}

/** Days in order, cut so that no part holds more than half a million rows of several days. */
export function partsOf(byDay: ReadonlyMap<string, readonly Row[]>): string[][] {
  const parts: string[][] = [];
  let size = 0;
  for (const day of [...byDay.keys()].sort()) {
    const count = byDay.get(day)?.length ?? 0;
    const last = parts.at(-1);
    if (last === undefined || size + count > maximumRowsOfPart) {
      parts.push([day]);
      size = count;
    } else {
      last.push(day);
      size += count;
    }
  }
  return parts;
}

export function dayFacts(rows: readonly Row[], table: TableDefinition): DayFacts {
  return {
    hash: contentHash(rows, table.columns),
    rows: rows.length,
    totals: table.name === costTable ? totalsOf(rows) : {},
  };
}

/** Billed and effective cost by currency, exact, of the rows that count. */
function totalsOf(rows: readonly Row[]): Totals {
  const currencies = [...new Set(rows.map((row) => String(row["BillingCurrency"])))].sort();
  return Object.fromEntries(
    currencies.map((currency) => {
      const own = rows.filter((row) => row["BillingCurrency"] === currency && row["x_counted"] === true);
      const sum = (column: string): string =>
        amountText(sumAmounts(own.map((row) => parseAmount(String(row[column])))));
      return [currency, [sum("BilledCost"), sum("EffectiveCost")]];
    }),
  );
}

function lineageOf(batchId: string, part: NewPart, { run, credential }: Claim, now: Date): PartLineage {
  const ingestedAt = now.toISOString();
  return {
    x_org_slug: run.org.slug,
    x_pipeline_id: run.pipelineId,
    x_credential_id: run.credentialId,
    x_source: part.source,
    x_pipeline_run_date: run.range.end,
    x_run_id: run.runId,
    x_batch_id: batchId,
    x_observed_at: part.observedAt,
    x_ingested_at: ingestedAt,
    x_ingestion_date: ingestedAt.slice(0, 10),
    x_environment: credential.environment,
    x_simulated: credential.simulated,
  };
}
