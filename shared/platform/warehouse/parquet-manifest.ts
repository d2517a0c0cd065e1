import { createText, readText, writeText } from "./durable-files.ts";
import type { ParquetLayout } from "./parquet-layout.ts";
import type { Column } from "./table.ts";
import type { TableSource } from "./warehouse.ts";

/** What the embedded warehouse knows of a written batch. */
export interface Manifest {
  batchId: string;
  contentHash: string;
  rows: number;
  /** Rows per day that has a file (`all` in unpartitioned tables). */
  days: Record<string, number>;
  /** The schema of the files: columns without any value are left out. */
  columns: Pick<Column, "name" | "type" | "mode">[];
  /** The files are gone, the id is spent: a late repeat of the write must not bring the rows back. */
  removed?: true;
}

/** Undefined while the batch is not complete. */
export async function readManifest(
  layout: ParquetLayout,
  source: TableSource,
  batchId: string,
): Promise<Manifest | undefined> {
  const text = await readText(layout.manifest(source, batchId));
  return text === undefined ? undefined : (JSON.parse(text) as Manifest);
}

/** False when the batch has a manifest already. */
export async function createManifest(layout: ParquetLayout, source: TableSource, manifest: Manifest): Promise<boolean> {
  return createText(layout.manifest(source, manifest.batchId), JSON.stringify(manifest));
}

export async function replaceManifest(layout: ParquetLayout, source: TableSource, manifest: Manifest): Promise<void> {
  await writeText(layout.manifest(source, manifest.batchId), JSON.stringify(manifest));
}
