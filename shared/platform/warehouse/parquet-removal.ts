import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import pl from "nodejs-polars";
import { checkSource, organizationColumn } from "./batch-check.ts";
import { isErrno, removeFile, settle, syncFolder } from "./durable-files.ts";
import { forgetCopies } from "./parquet-copies.ts";
import { ALL_DAYS, type ParquetLayout } from "./parquet-layout.ts";
import { readManifest, replaceManifest } from "./parquet-manifest.ts";
import type { TableSource } from "./warehouse.ts";
import { checkedName } from "./warehouse-names.ts";

const DAY_FOLDER = /^\d{4}-\d\d-\d\d$/;
const ABANDONED_AFTER_MILLISECONDS = 3_600_000;

/** First invisible, then gone: after a crash in between, a repeat finishes. */
export async function removeBatches(
  layout: ParquetLayout,
  source: TableSource,
  batchIds: readonly string[],
): Promise<void> {
  checkSource(source);
  for (const batchId of batchIds) {
    const manifest = await readManifest(layout, source, checkedName("batch", batchId));
    if (manifest && !manifest.removed) await replaceManifest(layout, source, { ...manifest, removed: true });
    const days = manifest ? Object.keys(manifest.days) : await dayFolders(layout, source);
    for (const day of days) await removeFile(layout.rows(source, day, batchId));
  }
  await forgetCopies(layout.copies(source), new Set(batchIds));
}

/**
 * Rewrites each file that holds rows of the organization without them, also files of unfinished batches. Not for use
 * beside a write of that organization's rows.
 */
export async function eraseRows(layout: ParquetLayout, source: TableSource, orgSlug: string): Promise<void> {
  checkSource(source);
  const column = organizationColumn(source.table);
  for (const day of await dayFolders(layout, source)) {
    for (const name of await namesIn(layout.day(source, day))) {
      if (name.endsWith(".parquet"))
        await eraseInFile(layout, source, { day, batchId: basename(name, ".parquet"), column, orgSlug });
    }
  }
  await forgetCopies(layout.copies(source));
  await removeAbandoned(layout.asides(source));
}

interface FileErasure {
  day: string;
  batchId: string;
  column: string;
  orgSlug: string;
}

async function eraseInFile(layout: ParquetLayout, source: TableSource, erasure: FileErasure): Promise<void> {
  const path = layout.rows(source, erasure.day, erasure.batchId);
  const isTheirs = pl.col(erasure.column).eq(pl.lit(erasure.orgSlug)).fillNull(pl.lit(false));
  const owners = await pl.scanParquet(path, { glob: false }).select(isTheirs.alias("theirs")).collect();
  const theirs = owners.filter(pl.col("theirs")).height;
  if (theirs === 0) return;
  const kept = owners.height - theirs;
  if (kept > 0) {
    const aside = layout.aside(source);
    await pl
      .scanParquet(path, { glob: false })
      .filter(isTheirs.not())
      .sinkParquet(aside, { compression: "zstd" })
      .collect();
    await settle(aside, path);
  }
  await countDay(layout, source, erasure, kept);
  if (kept > 0) return;
  await removeFile(path);
  await syncFolder(layout.day(source, erasure.day));
}

/** A day without rows leaves the manifest before its file goes: a reader never misses a file it was promised. */
async function countDay(layout: ParquetLayout, source: TableSource, erasure: FileErasure, kept: number): Promise<void> {
  const manifest = await readManifest(layout, source, erasure.batchId);
  if (!manifest) return;
  const { [erasure.day]: _before, ...others } = manifest.days;
  const days = kept > 0 ? { ...others, [erasure.day]: kept } : others;
  const rows = Object.values(days).reduce((sum, count) => sum + count, 0);
  await replaceManifest(layout, source, { ...manifest, days, rows });
}

/** Files that a crash left aside hold rows too; younger ones may belong to a write under way. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (mtimeMs < Date.now() - ABANDONED_AFTER_MILLISECONDS) await removeFile(path);
  }
}

async function dayFolders(layout: ParquetLayout, source: TableSource): Promise<string[]> {
  const names = await namesIn(layout.table(source));
  return names.filter((name) => name === ALL_DAYS || DAY_FOLDER.test(name));
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
