import { rootAccess } from "#shared/access/caller.ts";
import { AuditLog, AuditQuery, auditLog } from "#shared/audit/audit-log.ts";
import { auditNamed } from "#shared/audit/audit-sources.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/admin/audit-logs/{org}",
  summary: "Audit rows of an organization, or of the platform itself as `_platform`",
  access: rootAccess(),
  uses: ["documents"],
  query: AuditQuery,
  response: AuditLog,
  errors: ["ORG_NOT_FOUND", "INVALID_DATE_RANGE", "CURSOR_INVALID"],
  handle: async ({ params, query }, { documents }) =>
    auditLog(await auditNamed(params.org, documents), query, documents),
});
