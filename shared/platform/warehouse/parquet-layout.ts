import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { TableSource } from "./warehouse.ts";
import { checkedName } from "./warehouse-names.ts";

/** Where unpartitioned tables keep their rows, in place of a day. */
export const ALL_DAYS = "all";

/** Names of the embedded warehouse's files. Source: tables.md section 5. Every name is checked before it is joined. */
export interface ParquetLayout {
  root: string;
  dataset(datasetId: string): string;
  datasetFile(datasetId: string): string;
  table(source: TableSource): string;
  tableFile(source: TableSource): string;
  day(source: TableSource, day: string): string;
  rows(source: TableSource, day: string, batchId: string): string;
  batches(source: TableSource): string;
  /** Written last: its presence makes the batch visible. */
  manifest(source: TableSource, batchId: string): string;
  /** Held while a batch is written: who writes the id may only be one content. */
  claim(source: TableSource, batchId: string): string;
  /** Copies of what was read, of many files in one; nothing but speed depends on them. */
  copies(source: TableSource): string;
  asides(source: TableSource): string;
  aside(source: TableSource): string;
}

export function parquetLayout(root: string): ParquetLayout {
  const dataset = (datasetId: string) => join(root, checkedName("dataset", datasetId));
  const table = (source: TableSource) => join(dataset(source.datasetId), checkedName("table", source.table.name));
  const day = (source: TableSource, name: string) => join(table(source), name);
  const batches = (source: TableSource) => join(table(source), "_batches");
  const asides = (source: TableSource) => join(table(source), "_aside");
  return {
    root,
    dataset,
    datasetFile: (datasetId) => join(dataset(datasetId), "_dataset.json"),
    table,
    tableFile: (source) => join(table(source), "_table.json"),
    day,
    rows: (source, name, batchId) => join(day(source, name), `${checkedName("batch", batchId)}.parquet`),
    batches,
    manifest: (source, batchId) => join(batches(source), `${checkedName("batch", batchId)}.json`),
    claim: (source, batchId) => join(batches(source), `${checkedName("batch", batchId)}.claim`),
    copies: (source) => join(table(source), "_copies"),
    asides,
    aside: (source) => join(asides(source), `${randomUUID()}.parquet`),
  };
}
