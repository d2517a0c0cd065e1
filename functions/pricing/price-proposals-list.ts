import { rootAccess } from "#shared/access/caller.ts";
import { listProposals, ProposalList, ProposalsQuery } from "#shared/prices/proposals.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/admin/price-book/proposals",
  summary: "Loaded prices that differ from other sources and wait for a decision",
  access: rootAccess(),
  uses: ["documents"],
  query: ProposalsQuery,
  response: ProposalList,
  errors: ["INVALID_CURSOR", "CURSOR_INVALID"],
  handle: ({ query }, { documents }) => listProposals(query, documents),
});
