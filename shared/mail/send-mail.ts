import type { Keys } from "#shared/platform/keys/keys.ts";
import type { Mail } from "#shared/platform/mail/mail.ts";
import { type Configuration, consoleUrl } from "#shared/runtime/config.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { type MailRequest, mailTokenContext } from "./mail-message.ts";
import { filled, mailText } from "./mail-texts.ts";

/**
 * Sends one mail. Safe to run twice: the mail's id tells the transport that it is the same. What the transport will never
 * take is a dead letter at once (`MESSAGE_MALFORMED`); a transport that is down is an `AppError` and a redelivery.
 */
export async function sendMail(
  request: MailRequest,
  given: { keys: Keys; mail: Mail; config: Configuration },
): Promise<void> {
  const { mail_id: id, to } = request;
  const { subject, text, page } = await mailText(request.name, request.language);
  const link = page === undefined ? {} : { link: await linkOf(page, request, given) };
  const letter = {
    id,
    to,
    subject: filled(subject, request.values),
    text: filled(text, { ...request.values, ...link }),
  };
  await given.mail.send(letter).catch((cause: unknown) => {
    throw isAppError(cause, "MAIL_REFUSED") ? new AppError("MESSAGE_MALFORMED", cause.message, { cause }) : cause;
  });
}

/** The token stands in the fragment: no server, log or mail scanner that follows the link gets to see or spend it. */
async function linkOf(
  page: string,
  { mail_id, sealed_token, next }: MailRequest,
  { keys, config }: { keys: Keys; config: Configuration },
): Promise<string> {
  const fragment = new URLSearchParams();
  if (sealed_token !== null) {
    const token = await keys.open(sealed_token, mailTokenContext(mail_id));
    fragment.set("token", new TextDecoder().decode(token));
  }
  if (next !== null) fragment.set("next", next);
  const hash = fragment.toString();
  return `${consoleUrl(config)}${page}${hash === "" ? "" : `#${hash}`}`;
}
