import { publicAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { Health, health } from "#shared/runtime/health.ts";

export default httpFunction({
  method: "GET",
  path: "/health",
  summary: "Which platform answers, and its version",
  access: publicAccess(),
  uses: [],
  response: Health,
  handle: async (_request, { config }) => health(config),
});
