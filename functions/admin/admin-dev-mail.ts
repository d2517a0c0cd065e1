import { rootAccess } from "#shared/access/caller.ts";
import { DevelopmentMail, DevelopmentMailQuery, developmentMail } from "#shared/mail/development-mail.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/admin/dev/mail",
  summary: "The newest mails that this development installation has kept in place of sending them",
  access: rootAccess(),
  uses: ["mail"],
  query: DevelopmentMailQuery,
  response: DevelopmentMail,
  errors: ["DEVELOPMENT_ONLY", "MAIL_UNAVAILABLE"],
  handle: ({ query }, given) => developmentMail(query, given),
});
