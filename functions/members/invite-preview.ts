import { publicAccess } from "#shared/access/caller.ts";
import { InvitePreview, PreviewRequest, previewInvite } from "#shared/members/invite-preview.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/invites/preview",
  summary: "What an open invite says, by its token",
  access: publicAccess(),
  uses: ["documents"],
  body: PreviewRequest,
  response: InvitePreview,
  errors: ["INVITE_NOT_FOUND"],
  limits: [{ per: "address", times: 10, windowSeconds: 600 }],
  handle: ({ body }, { documents }) => previewInvite(body, documents),
});
