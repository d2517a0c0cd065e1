import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { type Decimal, parseAmount } from "#shared/money/amount.ts";
import { choice, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import type { ObservedDissent } from "./observed-rates.ts";
import { flows, tokenMeters, unitMeters } from "./price.ts";
import { decimal } from "./price-fields.ts";

const optional = Type.Optional;

/** A whole number up to 2^63 - 1; beyond 2^53 as text, so that no digit is lost. */
function tokenCount() {
  return Type.Union([
    Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    Type.String({ pattern: "^\\d{1,19}$" }),
  ]);
}

const tokens = Object.fromEntries(tokenMeters.map((meter) => [meter, optional(tokenCount())])) as Record<
  (typeof tokenMeters)[number],
  ReturnType<typeof optionalCount>
>;
const units = Object.fromEntries(unitMeters.map((meter) => [meter, optional(decimal())])) as Record<
  (typeof unitMeters)[number],
  ReturnType<typeof optionalDecimal>
>;

function optionalCount() {
  return optional(tokenCount());
}

function optionalDecimal() {
  return optional(decimal());
}

export const QuoteRequest = strictObject({
  flow: choice(flows, { default: "payg" }),
  provider: optional(plainText(1, 50)),
  model_id: optional(plainText(1, 10_240, { alsoAs: ["model"] })),
  instance_type: optional(plainText(1, 200)),
  day: optional(Type.String({ maxLength: 40, description: "UTC day, or an instant with an offset" })),
  region: optional(plainText(1, 50)),
  service_tier: optional(plainText(1, 50)),
  request_input_tokens: optional(nullable(tokenCount())),
  context_window: optional(nullable(plainText(1, 50))),
  speed: optional(nullable(plainText(1, 50))),
  tokens: optional(strictObject(tokens)),
  units: optional(strictObject(units)),
  mtd_tokens: optional(tokenCount()),
  commitment: optional(
    strictObject({
      commitment_type: optional(choice(["ptu", "gsu", "provisioned_throughput", "custom"])),
      provisioned_units: decimal(),
      used_units: optional(decimal()),
      hours: optional(decimal()),
    }),
  ),
  infrastructure: optional(
    strictObject({
      hours: decimal(),
      instance_count: optional(decimal()),
      purchase: optional(choice(["on_demand", "spot", "reserved_1yr", "reserved_3yr"])),
    }),
  ),
  price_book_version: optional(plainText(1, 30)),
});
export type QuoteRequest = Static<typeof QuoteRequest>;

/** A quote as asked, every value checked. */
export interface Asked {
  request: QuoteRequest;
  org: OrgIdentity;
  provider: string;
  model: string;
  /** UTC day. */
  day: string;
  today: string;
  region: string;
  observed: ObservedDissent;
}

/** The counts of a request as decimals; absent and null ones are left out. */
export function decimalsOf(members: object | undefined): Record<string, Decimal> {
  const given = Object.entries(members ?? {}).filter(([, value]) => value != null);
  return Object.fromEntries(given.map(([name, value]) => [name, parseAmount(String(value))]));
}
