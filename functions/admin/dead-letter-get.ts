import { rootAccess } from "#shared/access/caller.ts";
import { DeadLetter, readDeadLetter } from "#shared/pipelines/dead-letters-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/admin/dead-letters/{dead_letter_id}",
  summary: "One message that could not be handled, with its payload",
  access: rootAccess(),
  uses: ["documents"],
  response: DeadLetter,
  errors: ["DEAD_LETTER_NOT_FOUND"],
  handle: ({ params }, { documents }) => readDeadLetter(params.dead_letter_id, documents),
});
