import { publicAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { PipelineItems, PipelineItemsQuery, pipelineItems } from "#shared/validator/pipeline-items.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/validator/pipelines",
  summary: "The pipelines of this installation",
  access: publicAccess(),
  uses: [],
  query: PipelineItemsQuery,
  response: PipelineItems,
  handle: ({ query }) => pipelineItems(query),
});
