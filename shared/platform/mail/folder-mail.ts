import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "#shared/runtime/errors.ts";
import type { Clock } from "../clock.ts";
import { checkLetter } from "./letter-rules.ts";
import type { KeptLetter, Letter, Mail } from "./mail.ts";

const ownerOnlyFile = 0o600;
const ownerOnlyFolder = 0o700;

/** Mails as files `<id>.json` of one folder, made at the first mail: for installations without a mail server. */
export function folderMail(options: { folder: string; clock: Clock }): Mail {
  const { folder, clock } = options;
  return {
    async send(letter) {
      checkLetter(letter);
      const { id, to, subject, text } = letter;
      const kept: KeptLetter = { id, to, subject, text, sentAt: clock.now().toISOString() };
      await onDisk(() => write(folder, id, JSON.stringify(kept)));
    },
    async kept({ to, limit }) {
      const names = (await onDisk(() => namesOf(folder))).sort().reverse();
      const letters: KeptLetter[] = [];
      for (const name of names) {
        if (letters.length >= limit) break;
        const letter = await onDisk(() => readLetter(join(folder, name)));
        if (to === undefined || letter.to.toLowerCase() === to.toLowerCase()) letters.push(letter);
      }
      return letters;
    },
  };
}

/** Written beside, synced, renamed: a mail is there whole or not at all. */
async function write(folder: string, id: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: ownerOnlyFolder });
  const temporary = join(folder, `${randomUUID()}.partial`);
  try {
    const handle = await open(temporary, "wx", ownerOnlyFile);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, join(folder, `${id}.json`));
  } finally {
    await rm(temporary, { force: true });
  }
}

async function namesOf(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names.filter((name) => name.endsWith(".json"));
}

async function readLetter(file: string): Promise<KeptLetter> {
  const { id, to, subject, text, sentAt } = JSON.parse(await readFile(file, "utf8")) as Letter & { sentAt: string };
  return { id, to, subject, text, sentAt };
}

async function onDisk<Result>(act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (cause) {
    throw new AppError("MAIL_UNAVAILABLE", "The folder of mails cannot be used.", { retryable: true, cause });
  }
}
