import { createHash } from "node:crypto";
import pl, { type DataFrame, type Expr } from "nodejs-polars";
import { epochMicrosecondsOf } from "#shared/platform/warehouse/instant-text.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { StreamPart } from "../stream.ts";
import type { FocusModel } from "./columns.ts";
import { type DayFacts, dayFacts, sortedByDay } from "./day-content.ts";
import { extraName, periodName, type TableRows } from "./table-rows.ts";

/** Collects rows until they are worth a batch. */
export interface PartWriter {
  /** Waits while the batch before is still being written, so that memory holds two at most. */
  add(period: string, rows: TableRows): Promise<void>;
  /** Writes what is left. */
  finish(): Promise<void>;
}

type WritePart = (part: StreamPart) => Promise<void>;

const rowsOfPart = 100_000;
/** Of all periods together: a file may mix many. */
const mostRowsHeld = 250_000;

interface Held {
  rows: number;
  frames: TableRows[];
}

/** Cuts the rows of each billing period into parts of a fixed number, whatever pieces they come in. */
export function partWriter(model: FocusModel, write: WritePart): PartWriter {
  const held = new Map<string, Held>();
  let writing: Promise<unknown> = Promise.resolve();
  const start = async (period: string, frames: readonly TableRows[]): Promise<void> => {
    await writing;
    writing = writeParts(period, frames, { model, write });
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
      for (let rest: TableRows | undefined = rows; rest !== undefined; ) {
        const [taken, left]: [TableRows, TableRows | undefined] = cut(rest, rowsOfPart - own.rows);
        own.frames.push(taken);
        own.rows += taken.cost.height;
        rest = left;
        if (own.rows < rowsOfPart) continue;
        await start(period, own.frames);
        own.frames = [];
        own.rows = 0;
      }
      if (sumOf(held) > mostRowsHeld) await startWhole(largest(held));
    },
    async finish() {
      for (const period of [...held.keys()].sort()) await startWhole(period);
      await writing;
    },
  };
}

function cut(rows: TableRows, at: number): [TableRows, TableRows | undefined] {
  const { height } = rows.cost;
  if (height <= at) return [rows, undefined];
  const slice = (start: number, length: number): TableRows => ({
    cost: rows.cost.slice(start, length),
    raw: rows.raw.slice(start, length),
  });
  return [slice(0, at), slice(at, height - at)];
}

function sumOf(held: ReadonlyMap<string, Held>): number {
  return [...held.values()].reduce((sum, { rows }) => sum + rows, 0);
}

function largest(held: ReadonlyMap<string, Held>): string {
  return [...held].reduce((one, other) => (other[1].rows > one[1].rows ? other : one))[0];
}

/** Both tables of the same rows, one after the other: parts are numbered in the order they are written. */
async function writeParts(
  period: string,
  frames: readonly TableRows[],
  { model, write }: { model: FocusModel; write: WritePart },
): Promise<void> {
  const rows = frames.reduce((sum, { cost }) => sum + cost.height, 0);
  if (rows === 0) return;
  const sorted = await sortedByDay(frames.map(({ cost }) => cost));
  const days = await dayFacts(sorted, model);
  const cost = sorted.drop(periodName, extraName);
  await write(partOf({ period, table: model.costTable, rows, days }, cost));
  const raw = pl.concat(frames.map((frame) => frame.raw));
  await write(partOf({ period, table: model.rawTable, rows, days: withoutTotals(days) }, raw));
}

/** The delivered records say what the cost rows say: their content is the same, under the other table's name. */
function withoutTotals(days: Record<string, DayFacts>): Record<string, DayFacts> {
  const hashed = (hash: string): string => createHash("sha256").update(`raw ${hash}`).digest("hex");
  return Object.fromEntries(
    Object.entries(days).map(([day, { hash, rows }]) => [day, { hash: hashed(hash), rows, totals: {} }]),
  );
}

function partOf(
  part: { period: string; table: TableDefinition; rows: number; days: Record<string, DayFacts> },
  frame: DataFrame,
): StreamPart {
  const { period, table, rows, days } = part;
  const content = Object.entries(days).map(([day, { hash }]) => `${day} ${hash}`);
  return {
    sourcePart: period,
    table: table.name,
    rows,
    contentHash: createHash("sha256").update(content.join("\n")).digest("hex"),
    days,
    frame: (lineage) => withLineage(frame, table, lineage),
  };
}

/** The columns that all rows share are made here, the order of the table by name: an expression costs a millisecond. */
async function withLineage(
  frame: DataFrame,
  table: TableDefinition,
  lineage: Record<string, string | boolean | null>,
): Promise<DataFrame> {
  const shared = table.columns.flatMap((column) => {
    const value = lineage[column.name];
    return value === undefined ? [] : literal(column.type, value).alias(column.name);
  });
  const whole = await frame
    .lazy()
    .withColumns(...shared)
    .collect();
  return whole.select(...table.columns.map(({ name }) => name));
}

function literal(type: string, value: string | boolean | null): Expr {
  if (type === "DATE") return pl.lit(value).cast(pl.Date);
  if (type === "BOOL") return pl.lit(value).cast(pl.Bool);
  if (type !== "TIMESTAMP") return pl.lit(value).cast(pl.Utf8);
  const micros = typeof value === "string" ? Number(epochMicrosecondsOf(value)) : null;
  return pl.lit(micros).cast(pl.Int64).cast(pl.Datetime("us", "UTC"));
}
