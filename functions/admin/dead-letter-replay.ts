import { rootAccess } from "#shared/access/caller.ts";
import { ReplayAnswer, replayLetter } from "#shared/pipelines/replay-letter.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/admin/dead-letters/{dead_letter_id}/replay",
  summary: "Send a message once more, or make its run anew where that has ended",
  access: rootAccess(),
  uses: ["documents", "topics"],
  response: ReplayAnswer,
  errors: [
    "DEAD_LETTER_NOT_FOUND",
    "ALREADY_REPLAYED",
    "WRONG_STATE",
    "ORG_GONE",
    "PIPELINE_DISABLED",
    "QUOTA_EXCEEDED",
  ],
  audit: {
    action: "dead_letter.replayed",
    operation: "EXECUTE",
    resourceType: "dead_letter",
    resourceId: ({ params }) => params.dead_letter_id,
  },
  steps: ({ params, caller, requestId }, effects, given) =>
    replayLetter({ id: params.dead_letter_id, caller, requestId }, effects, given),
});
