import { orgAccess } from "#shared/access/caller.ts";
import { QuotaReport, quotaReport } from "#shared/quotas/quota-report.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/organizations/{org}/quota",
  summary: "What the organization has used of its limits today, this month and at this moment",
  access: orgAccess("quota:read", { root: true }),
  uses: ["documents"],
  response: QuotaReport,
  handle: ({ org }, { documents }) => quotaReport(org, documents),
});
