import { publicAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { Health, health } from "#shared/runtime/health.ts";

export default httpFunction({
  method: "GET",
  path: "/health/live",
  summary: "Whether this process answers; what it depends on is not asked",
  access: publicAccess(),
  uses: [],
  response: Health,
  handle: async (_request, { config }) => health(config),
});
