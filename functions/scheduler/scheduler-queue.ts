import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { QueueAnswer, QueueQuery, readQueue } from "#shared/schedules/queue-read.ts";
import { scopeOf } from "#shared/schedules/scheduler-scope.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/scheduler/queue",
  summary: "Runs that wait for a slot or are at work; the operator sees those of all organizations",
  access: orgAccess("pipelines:read", { root: true }),
  uses: ["documents"],
  query: QueueQuery,
  response: QueueAnswer,
  errors: ["CURSOR_INVALID"],
  handle: (request, { documents }) => readQueue(scopeOf(request), request.query, documents),
});
