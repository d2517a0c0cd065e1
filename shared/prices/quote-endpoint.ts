import type { OrgIdentity } from "#shared/access/caller.ts";
import { parseAmount } from "#shared/money/amount.ts";
import type { FieldProblem } from "#shared/runtime/errors.ts";
import { shownBook } from "./observed-rates.ts";
import type { ObservedPorts } from "./observed-skus.ts";
import { dayProblems } from "./price-days.ts";
import { priceProvider } from "./price-providers.ts";
import { plainText, refuseProblems } from "./price-terms.ts";
import { todayOf } from "./prices-read.ts";
import type { QuoteAnswer } from "./quote-answer.ts";
import { capacityQuote } from "./quote-capacity.ts";
import { paygQuote } from "./quote-payg.ts";
import type { QuoteRequest } from "./quote-request.ts";

const mostTokens = parseAmount("9223372036854775807");

/** Prices usage that is only thought of. Writes nothing. Throws 422 `INVALID_BODY`, 404 for an unknown provider or book. */
export async function quote(
  asked: { org: OrgIdentity; request: QuoteRequest },
  ports: ObservedPorts,
): Promise<QuoteAnswer> {
  const { org, request } = asked;
  const today = todayOf(ports);
  const problems: FieldProblem[] = [];
  const day = dayOf(request.day, today, problems);
  const model = request.flow === "infrastructure" ? request.instance_type : request.model_id;
  const modelName = request.flow === "infrastructure" ? "instance_type" : "model_id";
  if (request.provider === undefined) problems.push({ path: "/provider", problem: "is required" });
  if (model === undefined) problems.push({ path: `/${modelName}`, problem: "is required" });
  problems.push(...countProblems(request));
  refuseProblems(problems);
  const provider = await priceProvider(request.provider ?? "");
  const { book, observed } = await shownBook(org, ports, request.price_book_version);
  const whole = {
    request,
    org,
    provider,
    model: model ?? "",
    day,
    today,
    region: request.region ?? "global",
    observed,
  };
  return request.flow === "payg" ? paygQuote(book, whole) : capacityQuote(book, whole);
}

/** The UTC day of a day or an instant: prices change at 00:00 UTC, whatever the offset. */
function dayOf(text: string | undefined, today: string, problems: FieldProblem[]): string {
  if (text === undefined) return today;
  const isInstant = /^\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:\d{2})$/.test(text) && !Number.isNaN(Date.parse(text));
  const day = isInstant ? new Date(text).toISOString().slice(0, 10) : text;
  problems.push(...dayProblems({ effective_from: day }, today).map(({ problem }) => ({ path: "/day", problem })));
  return day;
}

function countProblems(request: QuoteRequest): FieldProblem[] {
  const tokens = { ...prefixed("/tokens", request.tokens), "/mtd_tokens": request.mtd_tokens };
  const decimals = {
    ...prefixed("/units", request.units),
    ...prefixed("/commitment", { ...request.commitment, commitment_type: undefined }),
    ...prefixed("/infrastructure", { ...request.infrastructure, purchase: undefined }),
  };
  const tooMany = Object.entries({ ...tokens, "/request_input_tokens": request.request_input_tokens })
    .filter(([, value]) => value != null && parseAmount(String(value)).greaterThan(mostTokens))
    .map(([path]) => ({ path, problem: "must be <= 9223372036854775807" }));
  const tooFine = Object.entries(decimals)
    .filter(([, value]) => value != null && plainText(value as string | number) === undefined)
    .map(([path]) => ({ path, problem: "must have at most 12 decimals" }));
  return [...tooMany, ...tooFine];
}

function prefixed(path: string, members: object | undefined): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members ?? {}).map(([name, value]) => [`${path}/${name}`, value]));
}
