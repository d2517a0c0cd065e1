import { rootAccess } from "#shared/access/caller.ts";
import { DecisionAnswer, DecisionRequest, decideProposal } from "#shared/prices/proposals.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/admin/price-book/proposals/{proposal_id}",
  summary: "Release a proposed price, or reject it",
  access: rootAccess(),
  uses: ["documents"],
  body: DecisionRequest,
  response: DecisionAnswer,
  errors: ["PROPOSAL_NOT_FOUND", "PROPOSAL_DECIDED"],
  audit: { action: "price_proposal.decided", operation: "UPDATE", resourceType: "price_proposal" },
  steps: ({ params, body }, effects) => decideProposal({ proposalId: params.proposal_id, request: body }, effects),
});
