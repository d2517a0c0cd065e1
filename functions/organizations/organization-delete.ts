import { orgAccess } from "#shared/access/caller.ts";
import { DeletionAnswer, DeletionRequest, deleteOrganization } from "#shared/offboarding/delete-organization.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/organizations/{org}",
  summary: "End an organization; its data stays until it is erased 30 days later",
  access: orgAccess("org:delete", { root: true, peopleOnly: true }),
  takesDeleted: true,
  subscription: "any",
  uses: ["documents", "warehouse", "topics"],
  body: DeletionRequest,
  response: DeletionAnswer,
  errors: ["ORG_NOT_FOUND", "DATASET_NOT_OURS"],
  timeoutSeconds: 300,
  audit: { action: "organization.deleted", operation: "DELETE", resourceType: "organization" },
  steps: ({ org, caller, body }, effects, given) =>
    deleteOrganization({ slug: org.slug, caller, request: body }, effects, given),
});
