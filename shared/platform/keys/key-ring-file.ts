import { randomBytes, randomUUID } from "node:crypto";
import { link, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { AppError } from "#shared/runtime/errors.ts";

/** The key ring as it lies on disk; keys are base64 of 32 bytes. */
export interface KeyRing {
  format: "cost-atlas-key-ring-1";
  name: string;
  /** The version that seals. */
  primary: string;
  versions: KeyRingVersion[];
  /** Present when the platform made the ring by itself; production refuses such a ring. */
  generated?: "development";
}

interface KeyRingVersion {
  version: string;
  key: string;
  createdAt: string;
  isDisabled: boolean;
}

const keyBytes = 32;
const ownerOnly = 0o600;

/**
 * Makes the key ring, mode 0600, where there is none; an existing one is left as it is, also when several processes
 * start at once. A ring for `development` carries the marker that production refuses; an operator makes one for `production`.
 */
export async function createKeyRing(
  file: string,
  purpose: "development" | "production" = "development",
): Promise<void> {
  const ring: KeyRing = {
    format: "cost-atlas-key-ring-1",
    name: `key-ring-${randomBytes(4).toString("hex")}`,
    primary: "1",
    versions: [freshVersion("1")],
    ...(purpose === "development" ? { generated: "development" } : {}),
  };
  await writeRing(file, ring, "create");
}

/** Adds a version and makes it the primary; older versions still open. Returns the new version. One rotation at a time. */
export async function rotateKeyRing(file: string): Promise<string> {
  const ring = await readKeyRing(file);
  const version = String(Math.max(...ring.versions.map((each) => Number(each.version))) + 1);
  await writeRing(file, { ...ring, primary: version, versions: [...ring.versions, freshVersion(version)] }, "replace");
  return version;
}

/** Disables a version, not the primary: what it wraps no longer opens. Its key stays in the file. */
export async function disableKeyRingVersion(file: string, version: string): Promise<void> {
  const ring = await readKeyRing(file);
  if (version === ring.primary)
    throw new AppError("KEY_RING_PRIMARY", "The primary version cannot be disabled; rotate first.");
  const versions = ring.versions.map((each) => (each.version === version ? { ...each, isDisabled: true } : each));
  await writeRing(file, { ...ring, versions }, "replace");
}

/**
 * Reads and checks the ring. Throws `KEYS_UNAVAILABLE` (retryable) when the file cannot be read, `KEY_RING_UNSAFE` when
 * others than its owner may, `KEY_RING_MALFORMED` when it is no key ring. No message quotes the content.
 */
export async function readKeyRing(file: string): Promise<KeyRing> {
  const text = await readOwnFile(file);
  let ring: unknown;
  try {
    ring = JSON.parse(text);
  } catch {
    throw malformed(file);
  }
  if (!isKeyRing(ring)) throw malformed(file);
  return ring;
}

/** Size, time and inode: changes whenever the file was replaced. Throws as `readKeyRing`. */
export async function keyRingRevision(file: string): Promise<string> {
  const { ino, mtimeMs, size, mode } = await reach(file, () => stat(file));
  refuseShared(file, mode);
  return `${ino} ${mtimeMs} ${size}`;
}

async function readOwnFile(file: string): Promise<string> {
  await keyRingRevision(file);
  return reach(file, () => readFile(file, "utf8"));
}

async function reach<Result>(file: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (cause) {
    throw new AppError("KEYS_UNAVAILABLE", `The key ring ${file} cannot be read.`, { retryable: true, cause });
  }
}

function refuseShared(file: string, mode: number): void {
  if ((mode & 0o077) === 0) return;
  const octal = (mode & 0o777).toString(8).padStart(4, "0");
  throw new AppError(
    "KEY_RING_UNSAFE",
    `The key ring ${file} has mode ${octal}: others than its owner may use it. Run: chmod 600 ${file}`,
  );
}

function isKeyRing(ring: unknown): ring is KeyRing {
  if (typeof ring !== "object" || ring === null) return false;
  const { format, name, primary, versions } = ring as Partial<KeyRing>;
  if (format !== "cost-atlas-key-ring-1" || typeof name !== "string" || !Array.isArray(versions)) return false;
  return versions.every(isVersion) && versions.some((each) => each.version === primary && !each.isDisabled);
}

function isVersion(each: Partial<KeyRingVersion> | null): boolean {
  if (typeof each?.version !== "string" || !/^[1-9]\d{0,8}$/.test(each.version) || typeof each.key !== "string")
    return false;
  return Buffer.from(each.key, "base64").length === keyBytes && typeof each.isDisabled === "boolean";
}

function freshVersion(version: string): KeyRingVersion {
  return {
    version,
    key: randomBytes(keyBytes).toString("base64"),
    createdAt: new Date().toISOString(),
    isDisabled: false,
  };
}

/** Complete or not at all: the keys of everything sealed must survive a crash and a full disk. */
async function writeRing(file: string, ring: KeyRing, how: "create" | "replace"): Promise<void> {
  const temporary = `${file}.${randomUUID()}`;
  try {
    const handle = await open(temporary, "wx", ownerOnly);
    try {
      await handle.writeFile(`${JSON.stringify(ring, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (how === "replace") await rename(temporary, file);
    else await linkUnlessPresent(temporary, file);
    await syncFolder(dirname(file));
  } finally {
    await rm(temporary, { force: true });
  }
}

/** A rename would replace the ring that another process made in the meantime. */
async function linkUnlessPresent(temporary: string, file: string): Promise<void> {
  try {
    await link(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
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

function malformed(file: string): AppError {
  return new AppError("KEY_RING_MALFORMED", `${file} is not a key ring.`);
}
