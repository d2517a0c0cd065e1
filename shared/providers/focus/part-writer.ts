import { createHash } from "node:crypto";
import pl, { type DataFrame } from "nodejs-polars";
import { cellBytes, framesDone } from "#shared/platform/warehouse/frame-memory.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { StreamPart } from "../stream.ts";
import { type DayFacts, dayFacts, sortedByDay } from "./day-content.ts";
import { type PartFrame, partFrames } from "./part-frames.ts";
import type { RowSource } from "./table-rows.ts";

/** Collects rows until they are worth a batch. */
export interface PartWriter {
  /** Waits while the part before is still being written, so that memory holds two at most. */
  add(period: string, rows: DataFrame): Promise<void>;
  /** Writes what is worth a batch of periods other than these: most files are in order of time and have done with them. */
  leave(current: readonly string[]): Promise<void>;
  /** Writes what is left. */
  finish(): Promise<void>;
}

type WritePart = (part: StreamPart) => Promise<void>;

const rowsOfPart = 100_000;
const rowsWorthPart = 20_000;
/** Characters of delivered records, as the raw table keeps them: rows are as wide as a vendor likes. */
const textOfPart = 128 * 1024 * 1024;
/** Of all periods together: a file may mix many. */
const mostRowsHeld = 250_000;
const mostTextHeld = 2 * textOfPart;

interface Held {
  rows: number;
  /** Characters of their records. */
  text: number;
  frames: DataFrame[];
}

/** Cuts the rows of each billing period into parts of bounded size, the same whatever pieces they come in. */
export function partWriter(source: RowSource, write: WritePart): PartWriter {
  const writeParts = partsWriting(source, write);
  const held = new Map<string, Held>();
  let writing: Promise<unknown> = Promise.resolve();
  const startWhole = async (period: string): Promise<void> => {
    const own = held.get(period);
    held.delete(period);
    if (own === undefined) return;
    await writing;
    writing = writeParts(period, own);
    // Whoever waits for it next is told; until then it must not count as unhandled.
    writing.catch(() => {});
  };
  return {
    async add(period, rows) {
      for (let rest = rows; rest.height > 0; ) {
        const own = held.get(period) ?? { rows: 0, text: 0, frames: [] };
        held.set(period, own);
        const taken = fitting(rest, own);
        hold(taken, own);
        rest = rest.slice(taken.height, rest.height - taken.height);
        if (rest.height > 0 || own.rows >= rowsOfPart) await startWhole(period);
      }
      if (sumOf(held, "rows") > mostRowsHeld || sumOf(held, "text") > mostTextHeld) await startWhole(largest(held));
    },
    async leave(current) {
      for (const [period, { rows }] of [...held])
        if (rows >= rowsWorthPart && !current.includes(period)) await startWhole(period);
    },
    async finish() {
      for (const period of [...held.keys()].sort()) await startWhole(period);
      await writing;
    },
  };
}

/** The first rows, as many as there is room for in the part; one at least in an empty part. */
function fitting(rows: DataFrame, own: Held): DataFrame {
  const byRows = Math.min(rows.height, rowsOfPart - own.rows);
  if (own.text + textOf(rows) <= textOfPart) return rows.slice(0, byRows);
  const ends = rows.getColumn("record").str.lengths().cast(pl.Int64).cumSum().toArray();
  const byText = ends.filter((end) => own.text + Number(end) <= textOfPart).length;
  return rows.slice(0, Math.max(own.rows === 0 ? 1 : 0, Math.min(byRows, byText)));
}

function hold(rows: DataFrame, own: Held): void {
  if (rows.height === 0) return;
  own.frames.push(rows);
  own.rows += rows.height;
  own.text += textOf(rows);
}

function textOf(rows: DataFrame): number {
  return Number(rows.getColumn("record").str.lengths().cast(pl.Int64).sum());
}

function sumOf(held: ReadonlyMap<string, Held>, what: "rows" | "text"): number {
  return [...held.values()].reduce((sum, own) => sum + own[what], 0);
}

function largest(held: ReadonlyMap<string, Held>): string {
  return [...held].reduce((one, other) => (other[1].text > one[1].text ? other : one))[0];
}

/** Both tables of the same rows, one after the other: parts are numbered in the order they are written. */
function partsWriting(source: RowSource, write: WritePart) {
  const { model } = source;
  const frames = partFrames(source);
  return async (period: string, held: Held): Promise<void> => {
    if (held.rows === 0) return;
    const sorted = await sortedByDay(held.frames);
    // Writing takes long, and the frames are as large as what was made of them.
    held.frames.length = 0;
    const size = held.text + cellBytes * sorted.height * sorted.width;
    framesDone(size);
    const days = await dayFacts(sorted, model);
    await write(partOf({ period, table: model.costTable, days, frame: frames.cost }, sorted));
    await write(partOf({ period, table: model.rawTable, days: withoutTotals(days), frame: frames.raw }, sorted));
    framesDone(size);
  };
}

/** The delivered records say what the cost rows say: their content is the same, under the other table's name. */
function withoutTotals(days: Record<string, DayFacts>): Record<string, DayFacts> {
  const hashed = (hash: string): string => createHash("sha256").update(`raw ${hash}`).digest("hex");
  return Object.fromEntries(
    Object.entries(days).map(([day, { hash, rows }]) => [day, { hash: hashed(hash), rows, totals: {} }]),
  );
}

function partOf(
  part: { period: string; table: TableDefinition; days: Record<string, DayFacts>; frame: PartFrame },
  rows: DataFrame,
): StreamPart {
  const { period, table, days, frame } = part;
  const content = Object.entries(days).map(([day, { hash }]) => `${day} ${hash}`);
  return {
    sourcePart: period,
    table: table.name,
    rows: rows.height,
    contentHash: createHash("sha256").update(content.join("\n")).digest("hex"),
    days,
    frame: (lineage) => frame(rows, lineage),
  };
}
