import { orgAccess } from "#shared/access/caller.ts";
import { OrganizationAnswer } from "#shared/organizations/organization-answer.ts";
import { ProfileRequest, updateProfile } from "#shared/organizations/profile-update.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "PUT",
  path: "/api/v1/organizations/{org}/profile",
  summary: "Change what the organization tells about itself; what is not named stays",
  access: orgAccess("org:write", { root: true }),
  uses: ["documents"],
  body: ProfileRequest,
  response: OrganizationAnswer,
  errors: ["VERSION_CONFLICT"],
  audit: { action: "organization.updated", operation: "UPDATE", resourceType: "organization" },
  steps: ({ org, body }, effects) => updateProfile({ org, request: body }, effects),
});
