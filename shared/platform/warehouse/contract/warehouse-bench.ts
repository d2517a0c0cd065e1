import { createHash, randomUUID } from "node:crypto";
import pl, { type DataFrame } from "nodejs-polars";
import { expect } from "vitest";
import { isAppError } from "#shared/runtime/errors.ts";
import { frameOf, rowsOf } from "../frame.ts";
import type { TableDefinition } from "../table.ts";
import type { Batch, Dataset, Warehouse } from "../warehouse.ts";
import { BY_INSTANT, EVERY_TYPE, HISTORY, STANDARD, UNPARTITIONED } from "./contract-tables.ts";

/** One store, reached by as many adapters as asked for: two of them are two processes. */
export interface WarehouseStore {
  open(): Warehouse;
  stop(): Promise<void>;
}

export type Row = Record<string, unknown>;

/** Batch id, then its days. */
export type Part = [string, ...string[]];

export const LOCATION = "EU";
export const LABEL = "org_01HZXJ5KQ8N3V7R2T4W6Y9ABCD";

/** What the parts of the contract suite work with: a fresh dataset per test, and short forms of the port's verbs. */
export class WarehouseBench {
  datasetId = "";
  private store: WarehouseStore | undefined;
  private opened: Warehouse | undefined;
  private readonly makeStore: () => Promise<WarehouseStore>;

  constructor(makeStore: () => Promise<WarehouseStore>) {
    this.makeStore = makeStore;
  }

  async start(): Promise<void> {
    this.store = await this.makeStore();
  }

  async prepare(): Promise<void> {
    this.opened = this.open();
    this.datasetId = `contract_${randomUUID().replaceAll("-", "")}`;
    await this.warehouse.ensureDataset(datasetOf(this.datasetId));
    for (const table of [EVERY_TYPE, STANDARD, BY_INSTANT, UNPARTITIONED, HISTORY]) {
      await this.warehouse.ensureTable(this.datasetId, table);
    }
  }

  async clear(): Promise<void> {
    await this.open().dropDataset(this.datasetId, LABEL);
  }

  async stop(): Promise<void> {
    await this.store?.stop();
  }

  get warehouse(): Warehouse {
    if (!this.opened) throw new Error("the bench is not prepared");
    return this.opened;
  }

  /** Another adapter on the same store. */
  open(): Warehouse {
    if (!this.store) throw new Error("the bench has no store");
    return this.store.open();
  }

  batchOf(table: TableDefinition, rows: readonly Row[], batchId: string = newBatchId()): Batch {
    const named = table.kind === "data" ? rows.map((row) => ({ ...row, x_batch_id: batchId })) : rows;
    return { datasetId: this.datasetId, table, batchId, contentHash: hashOf(rows), rows: frameOf(table, named) };
  }

  /** The id of the batch. */
  async written(table: TableDefinition, rows: readonly Row[]): Promise<string> {
    const batch = this.batchOf(table, rows);
    await this.warehouse.write(batch);
    return batch.batchId;
  }

  read(table: TableDefinition, parts: readonly Part[], columns = namesOf(table)): Promise<DataFrame> {
    const named = parts.map(([batchId, ...days]) => ({ batchId, days }));
    return this.warehouse.read({ datasetId: this.datasetId, table }, named, columns);
  }

  /** Sorted amounts of `STANDARD`. */
  async costs(parts: readonly Part[]): Promise<string[]> {
    const frame = await this.read(STANDARD, parts, ["BilledCost"]);
    return rowsOf(frame, STANDARD)
      .map((row) => String(row["BilledCost"]))
      .sort();
  }
}

export function datasetOf(id: string): Dataset {
  return { id, label: LABEL, location: LOCATION, description: "contract suite" };
}

export function everyTypeRow(provider: string): Row {
  return { usage_date: "2026-12-31", provider, cost: "1", x_org_slug: "contoso" };
}

export function everyTypeRows(): Row[] {
  const whole = {
    note: "Zürich 東京",
    seats: Number.MAX_SAFE_INTEGER,
    credit: "-12345678901234567890123456.123456789012",
    is_final: true,
    billed_until: "2028-02-29",
    observed_at: "2028-02-29T23:59:59.123456Z",
    labels: { b: [1, 2.5, null, "x"], a: { ü: "ß", n: null, "10": true } },
    share: 0.1,
    tags: ["b", "a", "b"],
  };
  return [
    { ...everyTypeRow("1"), ...whole, usage_date: "2028-02-29", cost: "99999999999999999999999999.999999999999" },
    {
      ...everyTypeRow("2"),
      cost: "-0.000000000001",
      seats: 9223372036854775807n,
      observed_at: "1969-12-31T23:59:59.999999Z",
    },
    {
      ...everyTypeRow("3"),
      cost: "0",
      seats: -1,
      share: -1.5e-9,
      is_final: false,
      observed_at: "2026-01-01T02:00:00+02:00",
    },
    { ...everyTypeRow("4"), cost: "100", credit: "0.000000000001", labels: [], observed_at: "9999-12-31T23:59:59Z" },
  ];
}

export function standardRow(day: string, cost: string): Row {
  const id = createHash("sha256").update(randomUUID()).digest("hex").slice(0, 32);
  return {
    BilledCost: cost,
    ServiceProviderName: "Acme",
    ServiceCategory: "AI",
    x_charge_date: day,
    x_row_id: id,
    x_org_slug: "contoso",
  };
}

export function newBatchId(): string {
  return `run_${randomUUID()}-step-table-p0001`;
}

function hashOf(rows: readonly Row[]): string {
  const text = JSON.stringify(rows, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
  return createHash("sha256").update(text).digest("hex");
}

function namesOf(table: TableDefinition): string[] {
  return table.columns.map(({ name }) => name);
}

export function byProvider(rows: Row[]): Row[] {
  return rows.sort((a, b) => (String(a["provider"]) < String(b["provider"]) ? -1 : 1));
}

export function sumOf(frame: DataFrame, column: string): string {
  const sum = frame.select(pl.col(column).sum().cast(pl.Utf8)).getColumn(column).get(0);
  return String(sum).replace(/\.?0+$/, "");
}

export async function expectRefused(call: Promise<unknown>): Promise<void> {
  const failure = await call.catch((error: unknown) => error);
  expect(isAppError(failure, "BATCH_REFUSED"), String(failure)).toBe(true);
}
