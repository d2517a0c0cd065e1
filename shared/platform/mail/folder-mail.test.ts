import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { folderMail } from "./folder-mail.ts";
import { letter, mailContract } from "./mail.contract.ts";

let place: string;
let folder: string;

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "mail-"));
  folder = join(place, "mail");
});

afterEach(async () => {
  await rm(place, { recursive: true, force: true });
});

mailContract(async () => {
  const mail = folderMail({ folder, clock: systemClock });
  const arrived = async () => {
    const kept = await mail.kept({ limit: 50 });
    return kept.reverse().map(({ to, subject, text }) => ({ to, subject, text }));
  };
  return { mail, arrived, close: async () => {} };
});

describe("mails as files", () => {
  const clock = { now: () => new Date("2026-08-10T12:00:00.000Z") };

  it("are for the owner of the folder alone, and nothing lies beside them", async () => {
    await folderMail({ folder, clock }).send(letter({ id: "mail_1" }));

    expect(await readdir(folder)).toEqual(["mail_1.json"]);
    expect((await stat(join(folder, "mail_1.json"))).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  it("are one when the same is sent twice, and tell when", async () => {
    const mail = folderMail({ folder, clock });
    await mail.send(letter({ id: "mail_1" }));
    await mail.send(letter({ id: "mail_1" }));

    expect((await mail.kept({ limit: 9 })).map(({ id, sentAt }) => [id, sentAt])).toEqual([
      ["mail_1", "2026-08-10T12:00:00.000Z"],
    ]);
  });

  it("are none before the first, and unavailable where no folder can be", async () => {
    const mail = folderMail({ folder, clock });
    expect(await mail.kept({ limit: 9 })).toEqual([]);

    await writeFile(folder, "a file in its place");

    await expect(mail.send(letter())).rejects.toMatchObject({ code: "MAIL_UNAVAILABLE", retryable: true });
  });
});
