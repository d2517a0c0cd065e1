import { join } from "node:path";
import type { Configuration } from "#shared/runtime/config.ts";
import { systemClock } from "../clock.ts";
import { folderMail } from "../mail/folder-mail.ts";
import type { Mail } from "../mail/mail.ts";
import { smtpMail } from "../mail/smtp-mail.ts";

/** The mail server of `MAIL_URL`, by default files in `mail/` below the data folder. */
export async function open(config: Configuration, clock = systemClock): Promise<Mail> {
  const { MAIL_URL: url = "file:", MAIL_FROM: from } = config;
  return url === "file:" ? folderMail({ folder: join(config.CA_DATA_DIR, "mail"), clock }) : smtpMail({ url, from });
}
