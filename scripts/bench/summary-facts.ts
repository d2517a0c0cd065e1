import type { CostSummary } from "#shared/costs/summary-schema.ts";
import { addSums, regrouped, type UnitSums, type YearGroups } from "./year-groups.ts";

type Facts = Map<string, string>;

type ShownSums = Pick<CostSummary["breakdown_by_category"][number], (typeof shownNames)[number]>;

const shownNames = [
  "total_cost",
  "billed_cost",
  "effective_cost",
  "list_cost",
  "contracted_cost",
  "savings",
  "credits",
  "record_count",
] as const;

const totalNames = {
  total_cost: "total_cost",
  total_billed_cost: "billed_cost",
  total_effective_cost: "effective_cost",
  total_list_cost: "list_cost",
  total_contracted_cost: "contracted_cost",
  total_savings: "savings",
  total_credits: "credits",
  record_count: "record_count",
} as const;

/** Every amount of the summary that is not as in the exact groups, in words; the first 20. */
export function wrongAmounts(name: string, answer: CostSummary, exact: YearGroups): string[] {
  const [is, should] = [answeredFacts(answer), exactFacts(exact, answer.top_services)];
  return [...new Set([...is.keys(), ...should.keys()])]
    .filter((key) => is.get(key) !== should.get(key))
    .map((key) => `${name}: ${key} is ${is.get(key)}, exact is ${should.get(key)}`)
    .slice(0, 20);
}

function answeredFacts(answer: CostSummary): Facts {
  const facts: Facts = new Map(
    [...Object.keys(totalNames), "savings_negotiated", "savings_commitment", "total_tax", "total_adjustments"].map(
      (name) => [name, String(answer[name as keyof CostSummary])],
    ),
  );
  const add = (kind: string, key: string, sums: ShownSums): void => {
    for (const name of shownNames) facts.set(`${kind} ${key} ${name}`, String(sums[name]));
  };
  for (const group of answer.breakdown_by_provider) add("provider", group.provider, group);
  for (const group of answer.breakdown_by_category) add("category", group.category, group);
  for (const group of answer.breakdown_by_charge_category) add("charge", group.charge_category, group);
  for (const group of answer.top_services) add("service", `${group.provider}|${group.service}`, group);
  if (answer.top_services_remainder !== null) add("service", "others", answer.top_services_remainder);
  for (const day of answer.daily_trend) {
    for (const name of ["total_cost", "billed_cost", "effective_cost"] as const)
      facts.set(`day ${day.date} ${name}`, day[name]);
  }
  return facts;
}

/** The same facts from the exact groups: effective cost, US dollars, the services that the answer put on top. */
function exactFacts(exact: YearGroups, top: readonly { provider: string; service: string }[]): Facts {
  const facts: Facts = new Map();
  const add = (kind: string, groups: ReadonlyMap<string, UnitSums>): void => {
    for (const [key, sums] of groups) {
      for (const [name, value] of Object.entries(shown(sums))) facts.set(`${kind} ${key} ${name}`.trim(), value);
    }
  };
  const byCharge = regrouped(exact.kinds, ([, , charge]) => charge ?? "");
  const total = [...exact.kinds.values()].reduce(addSums);
  for (const [name, sum] of Object.entries(totalNames)) facts.set(name, shown(total)[sum]);
  facts.set("savings_negotiated", moneyText(total.negotiated));
  facts.set("savings_commitment", moneyText(total.commitment));
  facts.set("total_tax", moneyText(byCharge.get("Tax")?.effective ?? 0n));
  facts.set("total_adjustments", moneyText(byCharge.get("Adjustment")?.effective ?? 0n));
  // Providers of plans are one group in a summary.
  add(
    "provider",
    regrouped(exact.kinds, ([provider = "", category]) => (category === "saas" ? "saas" : provider)),
  );
  add("category", new Map([["other", nothing], ...regrouped(exact.kinds, ([, category]) => category ?? "")]));
  add("charge", byCharge);
  const onTop = new Set(top.map(({ provider, service }) => `${provider}|${service}`));
  add(
    "service",
    regrouped(exact.services, (keys) => (onTop.has(keys.join("|")) ? keys.join("|") : "others")),
  );
  for (const [day, { effective, billed }] of exact.days) {
    facts.set(`day ${day} total_cost`, moneyText(effective));
    facts.set(`day ${day} billed_cost`, moneyText(billed));
    facts.set(`day ${day} effective_cost`, moneyText(effective));
  }
  return facts;
}

const nothing: UnitSums = {
  effective: 0n,
  billed: 0n,
  list: 0n,
  contracted: 0n,
  negotiated: 0n,
  commitment: 0n,
  credits: 0n,
  rows: 0n,
};

function shown(sums: UnitSums): Record<(typeof shownNames)[number], string> {
  return {
    total_cost: moneyText(sums.effective),
    billed_cost: moneyText(sums.billed),
    effective_cost: moneyText(sums.effective),
    list_cost: moneyText(sums.list),
    contracted_cost: moneyText(sums.contracted),
    savings: moneyText(sums.negotiated + sums.commitment),
    credits: moneyText(sums.credits),
    record_count: String(sums.rows),
  };
}

/** US dollars as answers show them: two decimals, more where they are not 0. Written apart from the code it checks. */
function moneyText(units: bigint): string {
  const digits = String(units < 0n ? -units : units).padStart(13, "0");
  const decimals = digits.slice(-12).replace(/0{1,10}$/, "");
  return `${units < 0n ? "-" : ""}${digits.slice(0, -12)}.${decimals}`;
}
