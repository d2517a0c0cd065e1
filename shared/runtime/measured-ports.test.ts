import { expect, it } from "vitest";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Batch, Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { AppError } from "./errors.ts";
import { measuredPorts } from "./measured-ports.ts";
import { prometheusMetrics } from "./metrics.ts";
import type { Given, PortName } from "./ports.ts";

const batch = { table: { name: "cost_data_standard" } } as unknown as Batch;

async function counted(ports: object, work: (given: Given<PortName>) => Promise<unknown>): Promise<string> {
  const metrics = await prometheusMetrics();
  await work(measuredPorts("worker", { ...ports, metrics } as unknown as Given<PortName>)).catch(() => {});
  return metrics.text();
}

it.each([
  ["loaded", undefined],
  ["refused", new AppError("BATCH_REFUSED", "no")],
  ["failed", new AppError("WAREHOUSE_UNAVAILABLE", "away", { retryable: true })],
  ["failed", new Error("unknown")],
])("counts a load as %s for the answer %s, once", async (outcome, error) => {
  const write = async (): Promise<void> => {
    if (error !== undefined) throw error;
  };

  const text = await counted({ warehouse: { write } as unknown as Warehouse }, ({ warehouse }) =>
    warehouse.write(batch),
  );

  const lines = text.split("\n").filter((line) => line.startsWith("ca_load_jobs_total"));
  expect(lines).toEqual([`ca_load_jobs_total{table="cost_data_standard",outcome="${outcome}"} 1`]);
});

it.each([
  [1, []],
  [3, ['ca_transaction_retries_total{operation="worker"} 2']],
])("counts of a transaction whose body ran %i times all but the first", async (times, expected) => {
  const transaction = async (body: (tx: unknown) => Promise<unknown>): Promise<unknown> => {
    for (let run = 1; run < times; run++) await body(undefined);
    return body(undefined);
  };
  const documents = { transaction } as unknown as Documents;

  const text = await counted({ documents }, (given) => given.documents.transaction(async () => {}));

  expect(text.split("\n").filter((line) => line.startsWith("ca_transaction_retries_total"))).toEqual(expected);
});
