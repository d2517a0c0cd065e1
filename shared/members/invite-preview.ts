import { type Static, Type } from "@sinclair/typebox";
import { roles } from "#shared/access/roles.ts";
import { maskedEmail } from "#shared/people/email.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import { inviteNotFound, isOpen } from "./invite.ts";
import { inviteOfToken } from "./invite-found.ts";

export const PreviewRequest = strictObject({ token: Type.String({ minLength: 1, maxLength: 100 }) });
export type PreviewRequest = Static<typeof PreviewRequest>;

export const InvitePreview = strictObject({
  company_name: Type.String(),
  role: choice(roles),
  email: Type.String({ description: "Masked: first character and domain" }),
  expires_at: Type.String({ format: "date-time" }),
});
export type InvitePreview = Static<typeof InvitePreview>;

/** What the holder of an open invite's token may know before signing in. One 404 for unknown, used and expired. */
export async function previewInvite({ token }: PreviewRequest, documents: Documents): Promise<InvitePreview> {
  const { invite, organization, token: stored } = await inviteOfToken(token, documents);
  if (stored === undefined || !isOpen(invite, stored.readAt)) throw inviteNotFound();
  return {
    company_name: organization.companyName,
    role: invite.role,
    email: maskedEmail(invite.email),
    expires_at: invite.expiresAt,
  };
}
