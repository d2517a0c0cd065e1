import { orgAccess } from "#shared/access/caller.ts";
import { QuoteAnswer } from "#shared/prices/quote-answer.ts";
import { quote } from "#shared/prices/quote-endpoint.ts";
import { QuoteRequest } from "#shared/prices/quote-request.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/genai/{org}/pricing/quote",
  summary: "What usage would cost, by the prices the pipelines use; writes nothing",
  access: orgAccess("pricing:read"),
  uses: ["documents", "warehouse"],
  body: QuoteRequest,
  response: QuoteAnswer,
  errors: ["UNKNOWN_PROVIDER", "PRICE_BOOK_VERSION_NOT_FOUND"],
  memory: "1GiB",
  handle: ({ org, body }, given) => quote({ org, request: body }, given),
});
