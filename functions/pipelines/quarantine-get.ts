import { orgAccess } from "#shared/access/caller.ts";
import { QuarantineItem } from "#shared/quarantine/quarantine-answer.ts";
import { quarantineOf } from "#shared/quarantine/quarantine-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/reconciliation/{org}/quarantine/{quarantine_id}",
  summary: "What is held of one run and source, and why",
  access: orgAccess("costs:read"),
  uses: ["documents"],
  response: QuarantineItem,
  errors: ["QUARANTINE_NOT_FOUND"],
  handle: ({ org, params }, { documents }) => quarantineOf(org, params.quarantine_id, documents),
});
