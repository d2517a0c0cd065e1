import { randomUUID } from "node:crypto";
import { constants, type Dirent } from "node:fs";
import { type FileHandle, mkdir, open, readdir, realpath, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { AppError } from "#shared/runtime/errors.ts";
import { checkObjectName, checkObjectPrefix } from "./object-name.ts";
import type { Objects } from "./objects.ts";

/** Cannot be part of an object's name, so it never shows in a list. */
const partialFolder = "+partial";
const ownerOnlyFile = 0o600;
const ownerOnlyFolder = 0o700;
const defaultLimit = 1000;

/**
 * Objects as plain files below one folder, made at the first `put`. What is acknowledged survives a crash: written beside,
 * synced, renamed. No link below the folder is followed. Unlike in Cloud Storage a name cannot be both object and folder
 * of objects: `OBJECT_NAME_TAKEN`. Throws `OBJECT_NAME_INVALID`, and `OBJECTS_UNAVAILABLE` (retryable) when the disk fails.
 */
export function folderObjects(options: { folder: string }): Objects {
  const root = resolve(options.folder);
  return {
    async put(name, bytes) {
      checkObjectName(name);
      await onDisk(() => write(root, name, bytes), name);
    },
    async get(name) {
      checkObjectName(name);
      return onDisk(() => read(root, name), name);
    },
    async getRange(name, start, end) {
      checkObjectName(name);
      return onDisk(() => readRange(root, name, { start, end }), name);
    },
    async list(prefix, page = {}) {
      checkObjectPrefix(prefix);
      const { after = "", limit = defaultLimit } = page;
      const names: string[] = [];
      await onDisk(() => collect(root, prefix.slice(0, prefix.lastIndexOf("/") + 1), names), prefix);
      // Sorted whole: "a-b" comes before "a/b" though the folder "a" comes before the file "a-b".
      return names
        .filter((name) => name.startsWith(prefix) && name > after)
        .sort(byCodePoint)
        .slice(0, limit);
    },
    async delete(name) {
      checkObjectName(name);
      await onDisk(() => remove(root, name), name);
    },
  };
}

async function write(root: string, name: string, bytes: Uint8Array): Promise<void> {
  const target = join(root, name);
  const temporary = join(root, partialFolder, randomUUID());
  await makeFolder(dirname(temporary));
  await makeFolder(dirname(target)).catch((error: unknown) => refuseTaken(error, name));
  await refuseLinks(root, name);
  try {
    const handle = await open(temporary, "wx", ownerOnlyFile);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target).catch((error: unknown) => refuseTaken(error, name));
    await syncFolder(dirname(target));
  } finally {
    await rm(temporary, { force: true });
  }
}

function read(root: string, name: string): Promise<Uint8Array | undefined> {
  return withObject(root, name, (handle) => handle.readFile());
}

function readRange(
  root: string,
  name: string,
  { start, end }: { start: number; end: number },
): Promise<Uint8Array | undefined> {
  return withObject(root, name, async (handle, size) => {
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(end, size) - start));
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length, start + length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  });
}

async function withObject<Result>(
  root: string,
  name: string,
  use: (handle: FileHandle, size: number) => Promise<Result>,
): Promise<Result | undefined> {
  if (!(await refuseLinks(root, name))) return undefined;
  const handle = await open(join(root, name), constants.O_RDONLY | constants.O_NOFOLLOW).catch(unlessAbsent);
  if (handle === undefined) return undefined;
  try {
    const found = await handle.stat();
    return found.isFile() ? await use(handle, found.size) : undefined;
  } finally {
    await handle.close();
  }
}

async function remove(root: string, name: string): Promise<void> {
  if (!(await refuseLinks(root, name))) return;
  const entry = (await entriesOf(dirname(join(root, name)))).find((each) => each.name === name.split("/").at(-1));
  if (entry?.isFile() !== true) return;
  await rm(join(root, name), { force: true });
  await syncFolder(dirname(join(root, name)));
}

/** Adds the names below `folder` (empty, or ending in `/`). Links, and what no `put` made, are left out. */
async function collect(root: string, folder: string, names: string[]): Promise<void> {
  if (!(await refuseLinks(root, `${folder}x`))) return;
  for (const entry of await entriesOf(join(root, folder))) {
    if (entry.name === partialFolder) continue;
    if (entry.isDirectory()) await collect(root, `${folder}${entry.name}/`, names);
    else if (entry.isFile()) names.push(`${folder}${entry.name}`);
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  return (await readdir(folder, { withFileTypes: true }).catch(unlessAbsent)) ?? [];
}

/** False when the name's folder does not exist; throws when the way to it leads over a link. */
async function refuseLinks(root: string, name: string): Promise<boolean> {
  const folder = dirname(join(root, name));
  const [realRoot, realFolder] = await Promise.all([
    realpath(root).catch(unlessAbsent),
    realpath(folder).catch(unlessAbsent),
  ]);
  if (realRoot === undefined || realFolder === undefined) return false;
  if (realFolder === join(realRoot, folder.slice(root.length))) return true;
  throw new AppError("OBJECT_NAME_INVALID", `The way to ${name} leads over a link.`);
}

/** Makes the folder and, so that a crash cannot lose it, syncs each folder that got a new entry. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: ownerOnlyFolder });
  if (first === undefined) return;
  for (let parent = dirname(folder); parent.length >= dirname(first).length; parent = dirname(parent)) {
    await syncFolder(parent);
    if (parent === dirname(parent)) return;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function byCodePoint(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** ENOTDIR: a segment is an object, so nothing lies below it. ELOOP: a link, which is no object. */
function unlessAbsent(error: unknown): undefined {
  if (["ENOENT", "ENOTDIR", "ELOOP"].includes(codeOf(error))) return undefined;
  throw error;
}

async function onDisk<Result>(act: () => Promise<Result>, name: string): Promise<Result> {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError("OBJECTS_UNAVAILABLE", `The folder of objects did not take ${name}.`, {
      retryable: true,
      cause,
    });
  }
}

function refuseTaken(cause: unknown, name: string): never {
  if (!["ENOTDIR", "EEXIST", "EISDIR", "ENOTEMPTY"].includes(codeOf(cause))) throw cause;
  throw new AppError("OBJECT_NAME_TAKEN", `${name}: an object and a folder of objects cannot have the same name.`, {
    cause,
  });
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code);
}
