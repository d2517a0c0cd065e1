import { createHash } from "node:crypto";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import { contentHash } from "#shared/lineage/content-hash.ts";
import { amountText } from "#shared/money/amount.ts";
import type { Clock } from "#shared/platform/clock.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { type Correction, correctionsOf } from "./correction-groups.ts";
import { costGroups } from "./correction-read.ts";
import { type CorrectedDay, correctionRow, lineageOf, monthAfter } from "./correction-rows.ts";
import { batchNumber, dropUnreferenced } from "./decide-month.ts";
import { holdDays } from "./hold-days.ts";
import {
  type Adjustment,
  type DayDecision,
  type DayPublication,
  type Entry,
  emptyPipelineMonth,
  entryKey,
  monthOf,
  type PipelineMonth,
  readEntryKey,
  type Totals,
} from "./ledger.ts";
import { type StoredMonth, storedMonths } from "./ledger-months.ts";
import { noteNewBatch } from "./loose-batches.ts";
import type { PublicationContext } from "./publish.ts";
import { sumTotals } from "./totals.ts";

/** What there is to publish in a month as it is stored. */
export type PublicationsOf = (stored: StoredMonth) => readonly DayPublication[];

export type HoldingPorts = { documents: Documents; warehouse: Warehouse; clock: Clock };

/** What a publication into a closed month does: made from the months as they were read, written if they still are. */
export interface HeldPlan {
  /** All months that were read, the closed one first. */
  basis: StoredMonth[];
  /** The closed month's document with what is held. */
  pipeline: PipelineMonth;
  days: DayDecision[];
  booked: BookedMonth[];
}

/** A month in which corrections change. */
export interface BookedMonth {
  month: string;
  pipeline: PipelineMonth;
  changes: BookedChange[];
}

export interface BookedChange {
  id: string;
  corrects: CorrectedDay;
  before: (Adjustment & { batchId: string }) | undefined;
  after: (Adjustment & { batchId: string }) | undefined;
}

const costTable = "cost_data_standard";

/**
 * Plans the publication of days of a closed month and writes the batches of its corrections; undefined while the month is
 * open. What is written is named by nothing until the plan is committed.
 */
export async function heldPlan(
  context: PublicationContext,
  publicationsOf: PublicationsOf,
  ports: HoldingPorts,
): Promise<HeldPlan | undefined> {
  const closed = (await storedMonths(context, [context.month], ports.documents)).get(context.month);
  if (closed === undefined || closed.head.state !== "closed") return undefined;
  const now = ports.clock.now().toISOString();
  const { pipeline, days } = holdDays(closed.pipeline, publicationsOf(closed), now);
  const keys = days
    .filter(({ outcome }) => outcome === "held")
    .map(({ publication }) => entryKey(publication.source, publication.day));
  const bookingDay = await firstOpenDay(context, now, ports);
  const others = [...new Set([...keys.flatMap((key) => pipeline.correctedIn?.[key] ?? []), bookingDay.slice(0, 7)])];
  const months = await storedMonths(context, others.sort(), ports.documents);
  const table = await costTableDefinition();
  const desk = { context, months, table, now, ports };
  const next = new Map([...months].map(([month, stored]) => [month, structuredClone(stored.pipeline)]));
  const changes: (BookedChange & { month: string })[] = [];
  const correctedIn = { ...pipeline.correctedIn };
  for (const key of keys) {
    changes.push(...(await bookedChanges(key, { pipeline, bookingDay, next }, desk)));
    const id = automaticId(context.month, key);
    const lying = [...next].filter(([, own]) => own.adjustments?.[id] !== undefined).map(([month]) => month);
    if (lying.length > 0) correctedIn[key] = lying;
    else delete correctedIn[key];
  }
  for (const own of next.values()) dropUnreferenced(own);
  return {
    basis: [closed, ...months.values()],
    pipeline: { ...pipeline, correctedIn },
    days,
    booked: [...next].flatMap(([month, own]) => {
      const its = changes.filter((change) => change.month === month);
      return its.length === 0 ? [] : [{ month, pipeline: own, changes: its }];
    }),
  };
}

export function automaticId(month: string, key: string): string {
  return `${month}~${key}`;
}

interface Desk {
  context: PublicationContext;
  months: ReadonlyMap<string, StoredMonth>;
  table: TableDefinition;
  now: string;
  ports: HoldingPorts;
}

/** Today, or the first day of the first later month that is open. */
async function firstOpenDay(context: PublicationContext, now: string, { documents }: HoldingPorts): Promise<string> {
  const today = now.slice(0, 10);
  for (let month = today.slice(0, 7); ; month = monthAfter(month)) {
    const { head } = (await storedMonths(context, [month], documents)).get(month) ?? {};
    if (head?.state !== "closed") return today.startsWith(month) ? today : `${month}-01`;
  }
}

/** What changes in the open months so that the corrections of one closed day are right again. */
async function bookedChanges(
  key: string,
  at: { pipeline: PipelineMonth; bookingDay: string; next: Map<string, PipelineMonth> },
  desk: Desk,
): Promise<(BookedChange & { month: string })[]> {
  const { context, months, table, ports } = desk;
  const id = automaticId(context.month, key);
  const source = { datasetId: context.datasetId, table };
  const place = readEntryKey(context.month, key);
  const rowsOfDay = (entry: Entry | undefined) =>
    costGroups(pairsOf(at.pipeline, entry, place.day), source, ports.warehouse);
  const booked = await Promise.all(
    [...months.values()].map(async ({ month, head, pipeline }) => ({
      isOpen: head.state !== "closed",
      month,
      rows: await costGroups(adjustmentPairs(pipeline, id), source, ports.warehouse),
    })),
  );
  const rowsWhere = (isOpen: boolean) => booked.filter((own) => own.isOpen === isOpen).flatMap(({ rows }) => rows);
  const open = rowsWhere(true);
  const sides = { held: await rowsOfDay(at.pipeline.held?.[key]), closed: await rowsOfDay(at.pipeline.entries[key]) };
  const corrections = correctionsOf(sides, { fixed: rowsWhere(false), open }, at.bookingDay);
  const corrects = { month: context.month, day: place.day, source: place.source, pipelineId: context.pipelineId };
  const changes: (BookedChange & { month: string })[] = [];
  for (const { month, rows } of booked.filter(({ isOpen }) => isOpen)) {
    const own = corrections.filter(({ day }) => day.startsWith(month));
    if (own.length === rows.length && own.every((row) => rows.includes(row))) continue;
    const pipeline = at.next.get(month) ?? emptyPipelineMonth(context.epoch);
    const before = adjustmentOf(pipeline, id);
    if (own.length === 0) pipeline.adjustments = without(pipeline.adjustments, id);
    else await bookInto(pipeline, { id, corrects, corrections: own }, desk);
    changes.push({ month, id, corrects, before, after: adjustmentOf(pipeline, id) });
  }
  return changes;
}

async function bookInto(
  pipeline: PipelineMonth,
  { id, corrects, corrections }: { id: string; corrects: CorrectedDay; corrections: readonly Correction[] },
  { context, table, now, ports }: Desk,
): Promise<void> {
  const rows = corrections.map((correction) => correctionRow(correction, corrects));
  const months = [...new Set(corrections.map(({ day }) => monthOf(day)))];
  const batch = await writtenBatch(rows, { ...context, id, now, table, months, ports });
  pipeline.adjustments = {
    ...pipeline.adjustments,
    [id]: {
      kind: "automatic",
      month: corrects.month,
      source: corrects.source,
      day: corrects.day,
      b: batchNumber(pipeline, { ...batch.ref }),
      d: dayTotals(corrections),
      h: batch.contentHash,
      at: now,
    },
  };
}

/** Writes rows that correct a closed month as one batch; written before, it is a no-op. Throws `WAREHOUSE_BUDGET`. */
export async function writtenBatch(
  rows: readonly Record<string, unknown>[],
  to: Pick<PublicationContext, "org" | "datasetId" | "pipelineId" | "runId"> & {
    id: string;
    now: string;
    months: string[];
    table: TableDefinition;
    ports: HoldingPorts;
  },
) {
  const { runId, table, now } = to;
  const hash = contentHash(rows, table.columns);
  const place = createHash("sha256").update(`${to.pipelineId}|${to.id}`).digest("hex").slice(0, 12);
  const batchId = `${runId}-correction-${place}-${hash.slice(0, 12)}`;
  const lineage = lineageOf({ orgSlug: to.org.slug, runId, batchId, now });
  const { frameOf } = await import("#shared/platform/warehouse/frame.ts");
  const frame = frameOf(
    table,
    rows.map((row) => ({ ...row, ...lineage })),
  );
  const { pipelineId, months } = to;
  const noted = { batchId, table: table.name, pipelineId, months, runId: null };
  const days = new Set(rows.map((row) => row["x_charge_date"])).size;
  await noteNewBatch(to.org, noted, days, to.ports.documents);
  await to.ports.warehouse.write({ datasetId: to.datasetId, table, batchId, contentHash: hash, rows: frame });
  return { ref: { id: batchId, table: table.name, rows: rows.length, run: runId, pulledAt: now }, contentHash: hash };
}

export function dayTotals(corrections: readonly Correction[]): Adjustment["d"] {
  const days = [...new Set(corrections.map(({ day }) => day))].sort();
  return Object.fromEntries(
    days.map((day) => {
      const own = corrections.filter((correction) => correction.day === day);
      return [day, { t: sumTotals(own.map(totalsOf)), r: own.length }];
    }),
  );
}

function totalsOf({ columns, costs }: Correction): Totals {
  return { [String(columns["BillingCurrency"])]: [amountText(costs[0]), amountText(costs[1])] };
}

export function adjustmentOf(pipeline: PipelineMonth, id: string): (Adjustment & { batchId: string }) | undefined {
  const adjustment = pipeline.adjustments?.[id];
  return adjustment && { ...adjustment, batchId: pipeline.batches[adjustment.b]?.id ?? "" };
}

function adjustmentPairs(pipeline: PipelineMonth, id: string) {
  const adjustment = adjustmentOf(pipeline, id);
  return adjustment === undefined ? [] : [{ batchId: adjustment.batchId, days: Object.keys(adjustment.d) }];
}

function pairsOf(pipeline: PipelineMonth, entry: Entry | undefined, day: string) {
  const batches = (entry?.b ?? []).flatMap((number) => pipeline.batches[number] ?? []);
  return batches.filter(({ table }) => table === costTable).map(({ id }) => ({ batchId: id, days: [day] }));
}

export function without(adjustments: PipelineMonth["adjustments"] = {}, id: string): Record<string, Adjustment> {
  const { [id]: _gone, ...rest } = adjustments;
  return rest;
}

let definition: Promise<TableDefinition> | undefined;

/** The table that holds money. */
export function costTableDefinition(): Promise<TableDefinition> {
  definition ??= loadTableConfig("organizations").then(({ tables }) => {
    const table = tables.find(({ name }) => name === costTable);
    if (table === undefined) throw new Error(`there is no table ${costTable}`);
    return table;
  });
  return definition;
}
