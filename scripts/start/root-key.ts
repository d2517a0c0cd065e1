import { randomInt, randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "#shared/runtime/errors.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const length = 48;
const ownerOnly = 0o600;

/** Where the generated root key lies. */
export function rootKeyFile(dataFolder: string): string {
  return join(dataFolder, "root-key");
}

/**
 * The development root key of a data folder: 48 random characters, mode 0600, made where there is none, the same one
 * also when two processes start at once. Throws `ROOT_KEY_MALFORMED` for a file that holds no such key.
 */
export async function developmentRootKey(dataFolder: string): Promise<string> {
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const file = rootKeyFile(dataFolder);
  const key = (await readIfPresent(file)) ?? (await createKey(file));
  if (key.length >= 32) return key;
  throw new AppError("ROOT_KEY_MALFORMED", `${file} holds no root key. Remove it, and the next start makes one.`);
}

async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Linked into place when complete: nobody reads half a key, and the first of two processes wins. */
async function createKey(file: string): Promise<string> {
  const key = Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
  const temporary = `${file}.${randomUUID()}`;
  const handle = await open(temporary, "w", ownerOnly);
  try {
    await handle.writeFile(`${key}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    await link(temporary, file);
    return key;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return (await readFile(file, "utf8")).trim();
  } finally {
    await rm(temporary, { force: true });
  }
}
