import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, rename, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DataFrame } from "nodejs-polars";
import { isErrno, removeFile } from "./durable-files.ts";
import type { Manifest } from "./parquet-manifest.ts";
import type { Column } from "./table.ts";

/** Fewer files are read as fast as a copy of them. */
export const filesWorthCopy = 32;
/** Of one table: three years of months, each for some selections of columns. */
const copiesKept = 150;
const sinkOptions = {
  compression: "zstd",
  compressionLevel: 1,
  sinkOptions: { syncOnClose: "none", maintainOrder: true, mkdir: false },
} as const;

/** Exactly which rows a copy holds: a batch's rows of a day never change, but may be erased, then there are fewer. */
export interface CopyKey {
  datasetId: string;
  table: string;
  columns: readonly Pick<Column, "name" | "type" | "mode">[];
  files: readonly (Pick<Manifest, "batchId" | "contentHash"> & { day: string; rows: number })[];
}

/** Beside each copy: what it holds, and the SHA-256 of the file. */
interface Label {
  key: CopyKey;
  content: string;
}

/**
 * Path of the copy of exactly these rows; undefined when there is none. Never trusted: a cut, foreign or renamed file is
 * none. Source: costs.md 10, row "spill".
 */
export async function findCopy(folder: string, key: CopyKey): Promise<string | undefined> {
  const { file, label } = pathsOf(folder, key);
  const stored = await labelIn(label);
  if (stored === undefined || JSON.stringify(stored.key) !== JSON.stringify(key)) return undefined;
  if ((await contentOf(file)) !== stored.content) return undefined;
  const now = new Date();
  // One that is used stays; let go of in between, it is missed when it is opened.
  await utimes(file, now, now).catch(() => undefined);
  return file;
}

/**
 * Keeps rows for the next read of the key, not durably. `keyNow` is asked once they are in place: rows that were removed
 * or erased since they were read must not stay. Never fails the read: without room, or without the table, there is no copy.
 */
export async function keepCopy(
  folder: string,
  { key, rows, keyNow }: { key: CopyKey; rows: DataFrame; keyNow: () => Promise<CopyKey> },
): Promise<void> {
  const { file, label } = pathsOf(folder, key);
  const aside = join(folder, `${randomUUID()}.tmp`);
  try {
    await makeFolder(folder);
    await rows.lazy().sinkParquet(aside, sinkOptions).collect();
    const content = (await contentOf(aside)) ?? "";
    await rename(aside, file);
    await writeFile(aside, JSON.stringify({ key, content }));
    await rename(aside, label);
    if (JSON.stringify(await keyNow()) !== JSON.stringify(key)) await removeCopy({ file, label });
    await removeOldest(folder);
  } catch {
    await removeFile(aside);
    await removeCopy({ file, label });
  }
}

/**
 * Removes the copies that hold rows of the batches, or all, and what a crash left. To be called when no manifest promises
 * the rows any more.
 */
export async function forgetCopies(folder: string, batchIds?: ReadonlySet<string>): Promise<void> {
  const names = await namesIn(folder);
  const others = new Set<string>();
  for (const name of batchIds === undefined ? [] : names.filter((each) => each.endsWith(".json"))) {
    const stored = await labelIn(join(folder, name));
    const holds = stored?.key.files.some(({ batchId }) => batchIds?.has(batchId)) ?? true;
    if (!holds) others.add(name.replace(/json$/, "parquet")).add(name);
  }
  for (const name of names) if (!others.has(name)) await removeFile(join(folder, name));
}

function pathsOf(folder: string, key: CopyKey): { file: string; label: string } {
  const name = createHash("sha256").update(JSON.stringify(key)).digest("hex");
  return { file: join(folder, `${name}.parquet`), label: join(folder, `${name}.json`) };
}

/** Undefined when it cannot be read, for whatever reason. */
async function labelIn(path: string): Promise<Label | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Label;
  } catch {
    return undefined;
  }
}

/** Undefined when it cannot be read, for whatever reason. */
async function contentOf(path: string): Promise<string | undefined> {
  const content = createHash("sha256");
  try {
    for await (const part of createReadStream(path)) content.update(part as Buffer);
    return content.digest("hex");
  } catch {
    return undefined;
  }
}

/** Not those above it: the table may have been dropped meanwhile. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
}

async function removeOldest(folder: string): Promise<void> {
  const files = (await namesIn(folder)).filter((name) => name.endsWith(".parquet")).map((name) => join(folder, name));
  if (files.length <= copiesKept) return;
  const used = await Promise.all(files.map(async (file) => ({ file, at: (await stat(file)).mtimeMs })));
  for (const { file } of used.sort((a, b) => a.at - b.at).slice(0, files.length - copiesKept))
    await removeCopy({ file, label: file.replace(/parquet$/, "json") });
}

async function removeCopy({ file, label }: { file: string; label: string }): Promise<void> {
  await removeFile(file);
  await removeFile(label);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
