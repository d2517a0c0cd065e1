import { rootAccess } from "#shared/access/caller.ts";
import { DeadLetterList, DeadLetterQuery, listDeadLetters } from "#shared/pipelines/dead-letters-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/admin/dead-letters",
  summary: "Messages that could not be handled, newest first",
  access: rootAccess(),
  uses: ["documents"],
  query: DeadLetterQuery,
  response: DeadLetterList,
  errors: ["CURSOR_INVALID"],
  handle: ({ query }, { documents }) => listDeadLetters(query, documents),
});
