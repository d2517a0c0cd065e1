import { orgAccess } from "#shared/access/caller.ts";
import { AllocationVersions, allocationVersions } from "#shared/hierarchy/allocation-read.ts";
import { VersionsQuery } from "#shared/hierarchy/journal.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}/allocation/versions",
  summary: "Changes of allocation rules and settings, newest first",
  access: orgAccess("hierarchy:read"),
  uses: ["documents"],
  query: VersionsQuery,
  response: AllocationVersions,
  errors: ["CURSOR_INVALID"],
  handle: ({ org, query }, { documents }) => allocationVersions(org, query, documents),
});
