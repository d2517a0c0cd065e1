import { publicAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { Health, readiness } from "#shared/runtime/health.ts";

export default httpFunction({
  method: "GET",
  path: "/health/ready",
  summary: "Whether the document store answers, so that requests can be served; 503 when it does not",
  access: publicAccess(),
  uses: ["documents"],
  response: Health,
  errors: ["DOCUMENTS_UNAVAILABLE"],
  handle: (_request, { documents, config }) => readiness(documents, config),
});
