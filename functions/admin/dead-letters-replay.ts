import { rootAccess } from "#shared/access/caller.ts";
import { ReplayManyAnswer, ReplayManyRequest, replayLetters } from "#shared/pipelines/replay-letters.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/admin/dead-letters/replay",
  summary: "Send up to 100 messages once more, the oldest first",
  access: rootAccess(),
  uses: ["documents", "topics"],
  body: ReplayManyRequest,
  response: ReplayManyAnswer,
  timeoutSeconds: 120,
  audit: { action: "dead_letter.replayed", operation: "EXECUTE", resourceType: "dead_letter" },
  steps: (request, effects, given) => replayLetters(request, effects, given),
});
