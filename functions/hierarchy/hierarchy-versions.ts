import { orgAccess } from "#shared/access/caller.ts";
import { VersionList, VersionsQuery, versionsOf } from "#shared/hierarchy/journal.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}/versions",
  summary: "Changes of the structure, newest first",
  access: orgAccess("hierarchy:read"),
  uses: ["documents"],
  query: VersionsQuery,
  response: VersionList,
  errors: ["INVALID_CURSOR", "CURSOR_INVALID"],
  handle: ({ org, query }, { documents }) => versionsOf(org, query, documents),
});
