import { orgAccess } from "#shared/access/caller.ts";
import { AuditLog, AuditQuery, auditLog } from "#shared/audit/audit-log.ts";
import { auditOf } from "#shared/audit/audit-sources.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/organizations/{org}/audit-logs",
  summary: "What was done in the organization and who was refused, newest first",
  access: orgAccess("audit:read"),
  uses: ["documents"],
  query: AuditQuery,
  response: AuditLog,
  errors: ["INVALID_DATE_RANGE", "CURSOR_INVALID"],
  handle: ({ org, query }, { documents }) => auditLog(auditOf(org), query, documents),
});
