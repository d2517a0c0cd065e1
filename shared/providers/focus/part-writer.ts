import { createHash } from "node:crypto";
import type { DataFrame } from "nodejs-polars";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { StreamPart } from "../stream.ts";
import { type DayFacts, dayFacts, sortedByDay } from "./day-content.ts";
import { announceFrame } from "./frame-memory.ts";
import { type PartFrame, partFrames } from "./part-frames.ts";
import type { RowSource } from "./table-rows.ts";

/** Collects rows until they are worth a batch. */
export interface PartWriter {
  /** Waits while the batch before is still being written, so that memory holds two at most. */
  add(period: string, rows: DataFrame): Promise<void>;
  /** Writes what is worth a batch of periods other than these: most files are in order of time and have done with them. */
  leave(current: readonly string[]): Promise<void>;
  /** Writes what is left. */
  finish(): Promise<void>;
}

type WritePart = (part: StreamPart) => Promise<void>;

const rowsOfPart = 100_000;
const rowsWorthPart = 20_000;
/** Of all periods together: a file may mix many. */
const mostRowsHeld = 250_000;

interface Held {
  rows: number;
  frames: DataFrame[];
}

/** Cuts the rows of each billing period into parts of a fixed number, whatever pieces they come in. */
export function partWriter(source: RowSource, write: WritePart): PartWriter {
  const writeParts = partsWriting(source, write);
  const held = new Map<string, Held>();
  let writing: Promise<unknown> = Promise.resolve();
  const start = async (period: string, frames: DataFrame[]): Promise<void> => {
    await writing;
    writing = writeParts(period, frames);
    // Whoever waits for it next is told; until then it must not count as unhandled.
    writing.catch(() => {});
  };
  const startWhole = async (period: string): Promise<void> => {
    const own = held.get(period);
    held.delete(period);
    if (own !== undefined) await start(period, own.frames);
  };
  return {
    async add(period, rows) {
      const own = held.get(period) ?? { rows: 0, frames: [] };
      held.set(period, own);
      for (let rest: DataFrame | undefined = rows; rest !== undefined; ) {
        const [taken, left]: [DataFrame, DataFrame | undefined] = cut(rest, rowsOfPart - own.rows);
        own.frames.push(taken);
        own.rows += taken.height;
        rest = left;
        if (own.rows < rowsOfPart) continue;
        await start(period, own.frames);
        own.frames = [];
        own.rows = 0;
      }
      if (sumOf(held) > mostRowsHeld) await startWhole(largest(held));
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

function cut(rows: DataFrame, at: number): [DataFrame, DataFrame | undefined] {
  const { height } = rows;
  return height <= at ? [rows, undefined] : [rows.slice(0, at), rows.slice(at, height - at)];
}

function sumOf(held: ReadonlyMap<string, Held>): number {
  return [...held.values()].reduce((sum, { rows }) => sum + rows, 0);
}

function largest(held: ReadonlyMap<string, Held>): string {
  return [...held].reduce((one, other) => (other[1].rows > one[1].rows ? other : one))[0];
}

/** Both tables of the same rows, one after the other: parts are numbered in the order they are written. */
function partsWriting(source: RowSource, write: WritePart) {
  const { model } = source;
  const frames = partFrames(source);
  return async (period: string, held: DataFrame[]): Promise<void> => {
    if (held.length === 0) return;
    const sorted = await sortedByDay(held);
    // Writing takes long, and the frames are as large as what was made of them.
    held.length = 0;
    const days = await dayFacts(sorted, model);
    await write(partOf({ period, table: model.costTable, days, frame: frames.cost }, sorted));
    announceFrame();
    await write(partOf({ period, table: model.rawTable, days: withoutTotals(days), frame: frames.raw }, sorted));
    announceFrame();
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
