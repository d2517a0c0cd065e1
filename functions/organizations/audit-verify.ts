import { orgAccess } from "#shared/access/caller.ts";
import { SealReport, verifySeals } from "#shared/audit/verify-seals.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/organizations/{org}/audit-logs/verify",
  summary: "Whether every sealed audit row is still as it was written",
  access: orgAccess("audit:read", { root: true }),
  uses: ["documents"],
  response: SealReport,
  timeoutSeconds: 300,
  handle: ({ org }, { documents }) => verifySeals(org, documents),
});
