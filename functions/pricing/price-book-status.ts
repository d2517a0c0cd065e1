import { rootAccess } from "#shared/access/caller.ts";
import { BookStatus, bookStatus } from "#shared/prices/book-status.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/admin/price-book",
  summary: "What the platform's price book holds and who does not follow it",
  access: rootAccess(),
  uses: ["documents"],
  response: BookStatus,
  handle: (_request, given) => bookStatus(given),
});
