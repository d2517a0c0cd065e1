import { orgAccess } from "#shared/access/caller.ts";
import { DecisionRequest, discardQuarantine } from "#shared/quarantine/decide.ts";
import { QuarantineItem } from "#shared/quarantine/quarantine-answer.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/reconciliation/{org}/quarantine/{quarantine_id}/discard",
  summary: "Never publish what was held: the figures are wrong; the days stay as they are",
  access: orgAccess("integrations:write"),
  uses: ["documents", "topics"],
  body: DecisionRequest,
  response: QuarantineItem,
  errors: ["QUARANTINE_NOT_FOUND", "QUARANTINE_SUPERSEDED", "QUARANTINE_NOT_OPEN"],
  audit: { action: "quarantine.discarded", operation: "UPDATE", resourceType: "quarantine" },
  steps: (request, effects) => discardQuarantine({ ...request, id: request.params.quarantine_id }, effects),
});
