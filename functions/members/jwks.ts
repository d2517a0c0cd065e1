import { publicAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { PublishedKeys, publishedKeys } from "#shared/sessions/published-keys.ts";

export default httpFunction({
  method: "GET",
  path: "/.well-known/jwks.json",
  summary: "The keys that access tokens of this platform are verified with",
  access: publicAccess(),
  uses: ["documents"],
  response: PublishedKeys,
  handle: (_request, { documents }) => publishedKeys(documents),
});
