import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { rowsOf } from "#shared/platform/warehouse/frame.ts";
import type { TableSource } from "#shared/platform/warehouse/warehouse.ts";

/** A column's values by file: batches never change, so each is read once. */
const known = new Map<string, unknown[]>();

/** The column's value in every row of a table of the embedded warehouse, read through the port batch by batch. */
export async function broughtValues(
  source: TableSource,
  column: string,
  ports: Pick<EnginePorts, "warehouse" | "config">,
): Promise<unknown[]> {
  const folder = join(ports.config.CA_DATA_DIR, "warehouse", source.datasetId, source.table.name, "_batches");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
  const values: unknown[] = [];
  for (const name of names) values.push(...(await valuesOf(join(folder, name), source, column, ports.warehouse)));
  return values;
}

async function valuesOf(
  file: string,
  source: TableSource,
  column: string,
  warehouse: EnginePorts["warehouse"],
): Promise<unknown[]> {
  const stored = known.get(`${file} ${column}`);
  if (stored !== undefined) return stored;
  const { batchId, days } = JSON.parse(await readFile(file, "utf8")) as { batchId: string; days: object };
  // A table without partitions answers with the whole batch, whatever day is asked for.
  const asked = source.table.partition === undefined ? ["2026-01-01"] : Object.keys(days);
  const frame = await warehouse.read(source, [{ batchId, days: asked }], [column]);
  const values = rowsOf(frame, source.table).map((row) => row[column]);
  known.set(`${file} ${column}`, values);
  return values;
}
