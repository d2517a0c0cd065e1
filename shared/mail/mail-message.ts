import { type Static, Type } from "@sinclair/typebox";
import type { Ids } from "#shared/platform/ids.ts";
import type { Keys } from "#shared/platform/keys/keys.ts";
import type { Message } from "#shared/platform/topics/topics.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";

/** The mails there are; their texts lie in `configs/mail/`. */
export const mailNames = [
  "sign-in",
  "welcome",
  "invite",
  "owner-invite",
  "owner-invite-reminder",
  "ownership-received",
  "ownership-given",
  "key-issued",
  "account-deletion",
  "organization-deleted",
  "quota-warning-daily",
  "quota-warning-monthly",
  "quota-warning-seats",
  "quota-warning-providers",
] as const;
export type MailName = (typeof mailNames)[number];

const base64 = Type.String();
const SealedToken = strictObject({
  alg: Type.Literal("A256GCM"),
  nonce: base64,
  ciphertext: base64,
  tag: base64,
  wrappedKey: base64,
  keyName: Type.String(),
  keyVersion: Type.String(),
});

/** Payload of the topic `mail`. The one-time token travels sealed, so that no store and no dead letter can spend it. */
export const MailRequest = strictObject({
  mail_id: Type.String({ pattern: "^mail_[0-9A-Z]{26}$" }),
  name: choice(mailNames),
  to: Type.String({ maxLength: 254 }),
  language: Type.String({ maxLength: 10 }),
  /** What the placeholders of the text stand for. */
  values: Type.Record(Type.String(), Type.String()),
  /** Path within the console that a person goes on to from the mail's page. */
  next: nullable(Type.String()),
  sealed_token: nullable(SealedToken),
});
export type MailRequest = Static<typeof MailRequest>;

export const mailTopic = "mail";

/** A one-time token sealed for one mail. */
export interface MailToken {
  mailId: string;
  sealed: Static<typeof SealedToken>;
}

/** Seals a token for the mail that will carry it; to be called before the transaction that publishes the mail. */
export async function sealMailToken(token: string, { keys, ids }: { keys: Keys; ids: Ids }): Promise<MailToken> {
  const mailId = ids.newId("mail");
  return { mailId, sealed: await keys.seal(new TextEncoder().encode(token), mailTokenContext(mailId)) };
}

/** The message that has one mail sent. `language` is the receiver's, of `configs/locales.yml`; English where it lacks a text. */
export function mailMessage(
  mail: {
    name: MailName;
    to: string;
    values: Readonly<Record<string, string>>;
    token?: MailToken;
    language?: string;
    next?: string;
  },
  ids: Ids,
): Message {
  const { name, to, values, token, language = "en", next = null } = mail;
  const payload: MailRequest = {
    mail_id: token?.mailId ?? ids.newId("mail"),
    name,
    to,
    language,
    values: { ...values },
    next,
    sealed_token: token?.sealed ?? null,
  };
  return { topic: mailTopic, payload, attributes: {} };
}

/** Additional data of a sealed token: it opens for its own mail only. */
export function mailTokenContext(mailId: string): string {
  return `v1|mail|${mailId}`;
}
