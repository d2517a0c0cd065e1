import { rootAccess } from "#shared/access/caller.ts";
import { EmailsList, EmailsQuery, memberEmails } from "#shared/members/members-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/organizations/{org}/members/emails",
  summary: "The addresses of an organization's people, of one role or all",
  access: rootAccess(),
  uses: ["documents"],
  query: EmailsQuery,
  response: EmailsList,
  errors: ["ORG_NOT_FOUND"],
  handle: ({ params, query }, { documents }) => memberEmails(params.org, query.role, documents),
});
