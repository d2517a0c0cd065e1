import { rootAccess } from "#shared/access/caller.ts";
import { DiscardAnswer, DiscardRequest, discardLetter } from "#shared/pipelines/replay-letter.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/admin/dead-letters/{dead_letter_id}/discard",
  summary: "Put a message that could not be handled aside for good",
  access: rootAccess(),
  uses: ["documents"],
  body: DiscardRequest,
  response: DiscardAnswer,
  errors: ["DEAD_LETTER_NOT_FOUND", "ALREADY_REPLAYED", "WRONG_STATE"],
  audit: {
    action: "dead_letter.discarded",
    operation: "UPDATE",
    resourceType: "dead_letter",
    resourceId: ({ params }) => params.dead_letter_id,
  },
  change: ({ params, body }, change) => discardLetter(params.dead_letter_id, body.reason, change),
});
