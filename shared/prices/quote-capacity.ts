import { amountText, type Decimal, parseAmount, zero } from "#shared/money/amount.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { commitmentCost, infrastructureCost } from "./capacity.ts";
import { type PriceInForce, priceInForce } from "./look-up.ts";
import { inForceRow } from "./price-answer.ts";
import type { PriceBook } from "./price-book.ts";
import { matchAnswer } from "./prices-read.ts";
import { type QuoteAnswer, textOf } from "./quote-answer.ts";
import { type Asked, decimalsOf } from "./quote-request.ts";

interface CapacityLine {
  meter: string;
  quantity: Decimal;
  rate: string | null;
  listRate: string | null;
  cost: Decimal;
  listCost: Decimal;
}

/** The cost of provisioned units or instances on a day. Undefined rates leave it unpriced. */
export function capacityQuote(book: PriceBook, asked: Asked): QuoteAnswer {
  const price = priceFor(book, asked);
  const priced =
    price && (asked.request.flow === "commitment" ? commitment(price, asked) : infrastructure(price, asked));
  const lines = priced?.lines ?? [];
  const sum = (column: "cost" | "listCost"): Decimal => lines.reduce((all, line) => all.plus(line[column]), zero);
  const isUnverified = price?.row.asOf != null && asked.day < price.row.asOf;
  const shown = { org: asked.org, today: asked.day, others: book.all(asked.request.flow, asked.provider) };
  return {
    flow: asked.request.flow,
    provider: asked.provider,
    day: asked.day,
    currency: price?.row.currency ?? null,
    list_cost: priced === undefined ? null : amountText(sum("listCost")),
    contracted_cost: priced === undefined ? null : amountText(sum("cost")),
    status: priced === undefined ? "unpriced" : isUnverified ? "estimate" : "exact",
    complete: priced !== undefined,
    lines: lines.map((line) => ({
      meter: line.meter,
      quantity: amountText(line.quantity),
      unit_quantity: 1,
      rate: line.rate,
      list_rate: line.listRate,
      multiplier: "1",
      cost: textOf(line.cost),
      list_cost: textOf(line.listCost),
      price_status: "priced",
    })),
    price: price === undefined ? null : inForceRow(price, shown),
    match: matchAnswer(price?.match),
    assumptions: isUnverified ? ["price_not_verified_for_day"] : [],
    ...(priced?.gpuHours === undefined ? {} : { gpu_hours: amountText(priced.gpuHours) }),
    price_book_version: book.version,
  };
}

/** Capacity is priced by its model, else by what the platform asks for the kind of unit whatever runs on it. */
function priceFor(book: PriceBook, { request, provider, model, day, region }: Asked): PriceInForce | undefined {
  const { flow } = request;
  const of = (name: string): PriceInForce | undefined =>
    priceInForce(book, { flow, provider, model: name, day, region });
  const isKind = (price: PriceInForce | undefined): boolean => {
    const kind = request.commitment?.commitment_type;
    return kind === undefined || price?.row.commitmentType === kind;
  };
  return [model, ...(flow === "commitment" ? ["default"] : [])]
    .map(of)
    .find((price) => price !== undefined && isKind(price));
}

interface Priced {
  lines: CapacityLine[];
  gpuHours?: Decimal;
}

function commitment(price: PriceInForce, { request, day }: Asked): Priced | undefined {
  const given = decimalsOf({ ...request.commitment, commitment_type: null });
  const provisioned = given["provisioned_units"] ?? refused("/commitment/provisioned_units");
  const [year = 0, month = 0, dayOfMonth = 1] = day.split("-").map(Number);
  const use = {
    provisionedUnits: provisioned,
    usedUnits: given["used_units"] ?? provisioned,
    hours: given["hours"] ?? parseAmount("24"),
    dayOfMonth,
    daysOfMonth: new Date(Date.UTC(year, month, 0)).getUTCDate(),
  };
  const own = commitmentCost(price.terms, use);
  const list = commitmentCost(price.list.terms, use);
  if (own === undefined || list === undefined) return undefined;
  const rate = price.terms.hourly_rate ?? price.terms.monthly_rate ?? null;
  const listRate = price.list.terms.hourly_rate ?? price.list.terms.monthly_rate ?? null;
  const committed = {
    meter: "committed_units",
    quantity: own.units,
    rate,
    listRate,
    cost: own.committed,
    listCost: list.committed,
  };
  if (own.overage.isZero()) return { lines: [committed] };
  const beyond = use.usedUnits.minus(use.provisionedUnits);
  const overage = {
    meter: "overage_units",
    quantity: beyond,
    rate: null,
    listRate: null,
    cost: own.overage,
    listCost: list.overage,
  };
  return { lines: [committed, overage] };
}

function infrastructure(price: PriceInForce, { request }: Asked): Priced | undefined {
  const given = decimalsOf({ ...request.infrastructure, purchase: null });
  const use = {
    hours: given["hours"] ?? refused("/infrastructure/hours"),
    instances: given["instance_count"] ?? parseAmount("1"),
    purchase: request.infrastructure?.purchase ?? "on_demand",
  } as const;
  const own = infrastructureCost(price.terms, use);
  const list = infrastructureCost(price.list.terms, use);
  if (own === undefined || list === undefined) return undefined;
  const rate = price.terms.hourly_rate ?? null;
  const listRate = price.list.terms.hourly_rate ?? null;
  const line = {
    meter: "instance_hours",
    quantity: use.hours.times(use.instances),
    rate,
    listRate,
    cost: own.cost,
    listCost: list.list,
  };
  return { lines: [line], gpuHours: own.gpuHours };
}

function refused(path: string): never {
  throw new AppError("INVALID_BODY", `${path} is required.`, { fields: [{ path, problem: "is required" }] });
}
