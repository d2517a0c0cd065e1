import { type Configuration, ConfigurationError } from "#shared/runtime/config.ts";
import type { Mail } from "../mail/mail.ts";
import { smtpMail } from "../mail/smtp-mail.ts";
import { needed } from "./needed-setting.ts";

/** The mail server of `MAIL_URL`: an instance's own disk is gone with it. */
export async function open(config: Configuration): Promise<Mail> {
  const url = needed(config, "MAIL_URL", "the mail server that sends sign-in links and invites");
  if (url === "file:") throw new ConfigurationError(["MAIL_URL is file: but must name a mail server"]);
  return smtpMail({ url, from: config.MAIL_FROM });
}
