import { type Static, Type } from "@sinclair/typebox";
import type { Mail } from "#shared/platform/mail/mail.ts";
import { type Configuration, isDevelopment } from "#shared/runtime/config.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";

export const DevelopmentMailQuery = strictObject({
  to: Type.Optional(plainText(1, 254)),
  limit: Type.Integer({ minimum: 1, maximum: 50, default: 10 }),
});
export type DevelopmentMailQuery = Static<typeof DevelopmentMailQuery>;

export const DevelopmentMail = strictObject({
  mails: Type.Array(
    strictObject({
      to: Type.String(),
      subject: Type.String(),
      text: Type.String(),
      sent_at: Type.String({ format: "date-time" }),
    }),
  ),
});
export type DevelopmentMail = Static<typeof DevelopmentMail>;

/** Newest first. `DEVELOPMENT_ONLY` elsewhere, before anything is read: mails carry sign-in links. */
export async function developmentMail(
  { to, limit }: DevelopmentMailQuery,
  { mail, config }: { mail: Mail; config: Configuration },
): Promise<DevelopmentMail> {
  if (!isDevelopment(config)) throw new AppError("DEVELOPMENT_ONLY", "This exists on development installations only.");
  const kept = await mail.kept({ ...(to === undefined ? {} : { to }), limit });
  return {
    mails: kept.map(({ to: receiver, subject, text, sentAt }) => ({ to: receiver, subject, text, sent_at: sentAt })),
  };
}
