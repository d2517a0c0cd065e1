import { rootAccess } from "#shared/access/caller.ts";
import { SealReport, verifySealsNamed } from "#shared/audit/verify-seals.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/admin/audit-logs/{org}/verify",
  summary:
    "Whether the sealed audit rows of an organization, or of the platform as `_platform`, are as they were written",
  access: rootAccess(),
  uses: ["documents"],
  response: SealReport,
  errors: ["ORG_NOT_FOUND"],
  timeoutSeconds: 300,
  handle: ({ params }, { documents }) => verifySealsNamed(params.org, documents),
});
