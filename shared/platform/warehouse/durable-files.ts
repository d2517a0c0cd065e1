import { randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm, unlink } from "node:fs/promises";
import { dirname, relative, sep } from "node:path";

/** Makes the folder and those above it, each entry synced to disk. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  await syncFolder(dirname(first));
  let folder = dirname(first);
  for (const segment of relative(folder, path).split(sep)) {
    folder = `${folder}${sep}${segment}`;
    await syncFolder(folder);
  }
}

/** Replaces the file: a reader sees the old text or the new, also after a power cut. */
export async function writeText(path: string, text: string): Promise<void> {
  await settle(await writtenAside(path, text), path);
}

/** Creates the file whole; false when it is there already. Two at once: one wins. */
export async function createText(path: string, text: string): Promise<boolean> {
  const aside = await writtenAside(path, text);
  try {
    await link(aside, path);
    await syncFolder(dirname(path));
    return true;
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
    return false;
  } finally {
    await unlink(aside);
  }
}

/** Undefined when there is no such file. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Syncs a finished file and moves it to its name, in place of what stands there. */
export async function settle(aside: string, path: string): Promise<void> {
  await syncFile(aside);
  await rename(aside, path);
  await syncFolder(dirname(path));
}

/** No error when there is no such file. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** After it, names created, moved or removed in the folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  await syncFile(path);
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

async function writtenAside(path: string, text: string): Promise<string> {
  const aside = `${path}.${randomUUID()}.tmp`;
  const file = await open(aside, "wx");
  try {
    await file.writeFile(text, "utf8");
    await file.sync();
  } finally {
    await file.close();
  }
  return aside;
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
