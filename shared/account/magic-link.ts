import { type Static, Type } from "@sinclair/typebox";
import { mailMessage, sealMailToken } from "#shared/mail/mail-message.ts";
import { comparableEmail, emailAddress } from "#shared/people/email.ts";
import type { Keys } from "#shared/platform/keys/keys.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { choice, plainText, strictObject } from "#shared/runtime/schema.ts";
import { liveTokensAbout, newOneTimeToken, spendToken, storeToken } from "#shared/sessions/one-time-token.ts";

export const LinkRequest = strictObject({
  email: plainText(3, 300),
  next: Type.Optional(
    plainText(1, 512, { pattern: "^/(?!/)[^\\\\]*$", description: "Path within the console to go on to" }),
  ),
});
export type LinkRequest = Static<typeof LinkRequest>;

export const LinkSent = strictObject({ status: choice(["sent"]) });
export type LinkSent = Static<typeof LinkSent>;

const linkMilliseconds = 15 * 60_000;

/**
 * Mails a sign-in link, good once within 15 minutes; a former one of the address is dead. Nothing is looked up of whom
 * the address belongs to: the answer and its time are the same for everybody's and nobody's.
 */
export async function requestSignInLink(
  request: LinkRequest,
  effects: Effects<LinkSent>,
  given: { keys: Keys } & Surroundings,
): Promise<LinkSent> {
  const email = emailAddress(request.email);
  if (email === undefined) {
    const fields = [{ path: "/email", problem: "must be an e-mail address" }];
    throw new AppError("INVALID_BODY", "The body is not valid: /email must be an e-mail address.", { fields });
  }
  const { token, hash } = newOneTimeToken("signin");
  const mailToken = await sealMailToken(token, given);
  const next = request.next === undefined ? {} : { next: request.next };
  const mail = mailMessage({ name: "sign-in", to: email, values: {}, token: mailToken, ...next }, given.ids);
  const subject = comparableEmail(email);
  return effects.commit(async (change) => {
    const former = await liveTokensAbout("signin", subject, change);
    await effects.prepare(change);
    const expiresAt = new Date(change.now.getTime() + linkMilliseconds);
    for (const one of former) spendToken(one, change.now, change);
    storeToken(hash, { kind: "signin", subject, email, expiresAt }, change);
    change.publish(mail);
    const answer: LinkSent = { status: "sent" };
    effects.conclude(change, answer);
    return answer;
  });
}

/** What counts as one address for the limit of links. */
export function limitedAddress({ email }: LinkRequest): string {
  return comparableEmail(email);
}
