import { orgAccess } from "#shared/access/caller.ts";
import { DecisionRequest, ReleaseAnswer, releaseQuarantine } from "#shared/quarantine/decide.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/reconciliation/{org}/quarantine/{quarantine_id}/release",
  summary: "Publish what was held: the figures are right; days with newer data stay as they are",
  access: orgAccess("integrations:write"),
  uses: ["documents", "topics", "warehouse"],
  body: DecisionRequest,
  response: ReleaseAnswer,
  errors: ["QUARANTINE_NOT_FOUND", "QUARANTINE_SUPERSEDED", "QUARANTINE_NOT_OPEN", "WAREHOUSE_UNAVAILABLE"],
  audit: { action: "quarantine.released", operation: "UPDATE", resourceType: "quarantine" },
  steps: (request, effects, given) =>
    releaseQuarantine({ ...request, id: request.params.quarantine_id }, effects, given),
});
