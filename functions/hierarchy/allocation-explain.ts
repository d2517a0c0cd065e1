import { orgAccess } from "#shared/access/caller.ts";
import { allocationState } from "#shared/entity-references/allocation-input.ts";
import { ExplainRequest, Explanation, explained } from "#shared/hierarchy/allocation-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/hierarchy/{org}/allocation/explain",
  summary: "Every step that a row with these attributes is put through",
  access: orgAccess("hierarchy:read"),
  uses: ["documents"],
  body: ExplainRequest,
  response: Explanation,
  subscription: "readable",
  handle: async ({ org, body }, { documents, clock }) => {
    const { input } = await allocationState(org, { documents, now: clock.now() });
    return explained(body, input);
  },
});
