import { mailMessage } from "#shared/mail/mail-message.ts";
import type { Informed } from "#shared/members/informed.ts";
import type { Message } from "#shared/platform/topics/topics.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";

export function issuedMail(
  { to, company, language }: Informed,
  key: { name: string; fingerprint: string },
  { ids }: Pick<Surroundings, "ids">,
): Message {
  const { name, fingerprint } = key;
  return mailMessage({ name: "key-issued", to, language, values: { company, name, fingerprint } }, ids);
}
