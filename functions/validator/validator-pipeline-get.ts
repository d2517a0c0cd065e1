import { publicAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { PipelineItem, pipelineItemOf } from "#shared/validator/pipeline-items.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/validator/pipelines/{pipeline_id}",
  summary: "One pipeline by its id",
  access: publicAccess(),
  uses: [],
  response: PipelineItem,
  errors: ["PIPELINE_NOT_FOUND", "PIPELINE_RETIRED"],
  handle: ({ params }) => pipelineItemOf(params.pipeline_id),
});
