import { parseAmount } from "#shared/money/amount.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import { type Flow, type RateName, rateNames, type Terms, type TierRow } from "./price.ts";
import { commonFieldNames, fieldsOfFlow, perThousandNames } from "./price-fields.ts";
import { plainDecimal } from "./price-rows.ts";

type Body = Readonly<Record<string, unknown>>;

const highestRate = parseAmount("1000000");
const percentNames = /_pct$/;
/** Fields that only lead to terms, or name what the price is for. */
const notTerms = new Set(["commitment_type", "instance_type", "batch_input_per_1m", "batch_output_per_1m"]);

/**
 * What a request says about a price, its decimals plain, over what stood before; problems are collected, not thrown.
 */
export function termsOf(flow: Flow, body: Body, problems: FieldProblem[], before: Terms = {}): Terms {
  const given = withoutOlderNames(body, problems);
  const allowed = new Set([...fieldsOfFlow[flow], ...commonFieldNames, "expected_version"]);
  for (const name of Object.keys(body)) {
    if (!allowed.has(name)) problems.push({ path: `/${name}`, problem: `is no field of a ${flow} price` });
  }
  const terms: Record<string, unknown> = { ...before };
  for (const name of fieldsOfFlow[flow]) {
    const value = given[name];
    if (value === undefined || notTerms.has(name) || isOlderName(name)) continue;
    terms[name] = plainValue(name, value, problems);
  }
  const tiers = tiersOf(given, terms["tiers"] as TierRow[] | undefined);
  return (tiers === undefined ? terms : { ...terms, tiers }) as Terms;
}

/** 422 with every problem; nothing when there is none. */
export function refuseProblems(problems: readonly FieldProblem[]): void {
  const first = problems[0];
  if (first === undefined) return;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more, see fields)` : "";
  throw new AppError("INVALID_BODY", `The body is not valid: ${first.path} ${first.problem}${more}.`, {
    fields: problems,
  });
}

/** A decimal as text without superfluous digits, whether it was sent as number or as text. */
export function plainText(value: string | number): string | undefined {
  if (typeof value === "string") return plainDecimal(value);
  // A number in E notation was written so by the parser, not by the client.
  return plainDecimal(parseAmount(String(value)).toFixed());
}

function plainValue(name: string, value: unknown, problems: FieldProblem[], path = `/${name}`): unknown {
  if (Array.isArray(value)) return value.map((item, index) => plainMembers(item, `${path}/${index}`, problems));
  if (typeof value === "object" && value !== null) return plainMembers(value, path, problems);
  if (!isDecimalName(name) || value === null) return value;
  const text = plainText(value as string | number);
  const problem = text === undefined ? "must have at most 12 decimals" : boundProblem(name, text);
  if (problem !== undefined) problems.push({ path, problem });
  return text;
}

function plainMembers(value: object, path: string, problems: FieldProblem[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, plainValue(name, member, problems, `${path}/${name}`)]),
  );
}

function isDecimalName(name: string): boolean {
  return /_per_1m$|_pct$|_rate$|_multiplier$|_gb$|^price$/.test(name);
}

function boundProblem(name: string, text: string): string | undefined {
  const value = parseAmount(text);
  if (percentNames.test(name)) return value.greaterThan(100) ? "must be <= 100" : undefined;
  return value.greaterThan(highestRate) ? "must be <= 1000000" : undefined;
}

function isOlderName(name: string): boolean {
  return Object.values(perThousandNames).some((older) => (older as readonly string[]).includes(name));
}

/** Prices per 1,000 tokens as rates per 1,000,000, times 1000 exactly. */
function withoutOlderNames(body: Body, problems: FieldProblem[]): Body {
  const given: Record<string, unknown> = { ...body };
  for (const [name, older] of Object.entries(perThousandNames)) {
    for (const alias of older) {
      const value = given[alias];
      if (value === undefined) continue;
      const text = value === null ? null : plainText(value as string | number);
      if (text === undefined) problems.push({ path: `/${alias}`, problem: "must have at most 12 decimals" });
      const rate = text == null ? null : parseAmount(text).times(1000).toFixed();
      if (name in given && !isSameAmount(given[name], rate))
        problems.push({ path: `/${alias}`, problem: `contradicts ${name}` });
      given[name] = rate;
    }
  }
  return given;
}

function isSameAmount(one: unknown, other: string | null): boolean {
  if (one === null || other === null) return one === other;
  const text = plainText(one as string | number);
  return text !== undefined && parseAmount(text).equals(other);
}

/** The two older names of the batch tier become its row. */
function tiersOf(given: Body, tiers: TierRow[] | undefined): TierRow[] | undefined {
  const [input, output] = [given["batch_input_per_1m"], given["batch_output_per_1m"]];
  if (input === undefined && output === undefined) return tiers;
  const rate = (value: unknown): string | null =>
    value == null ? null : (plainText(value as string | number) ?? null);
  const isBatch = (row: TierRow): boolean => row.service_tier === "batch" && row.above_input_tokens === null;
  const known = tiers?.find(isBatch) ?? { service_tier: "batch" as const, above_input_tokens: null };
  const row: TierRow = {
    ...known,
    ...(input === undefined ? {} : { input_per_1m: rate(input) }),
    ...(output === undefined ? {} : { output_per_1m: rate(output) }),
  };
  return [...(tiers ?? []).filter((each) => !isBatch(each)), row];
}

/** What a new row of a flow must say. */
export function missingTerms(flow: Flow, terms: Terms): FieldProblem[] {
  const absent = (name: keyof Terms): FieldProblem[] =>
    terms[name] == null ? [{ path: `/${name}`, problem: "is required" }] : [];
  if (flow === "payg") {
    const required: RateName[] = ["input_per_1m", "output_per_1m"];
    return required
      .filter((name) => terms[name] === undefined)
      .map((name) => ({ path: `/${name}`, problem: "is required" }));
  }
  if (flow === "infrastructure") return [...absent("gpu_type"), ...absent("hourly_rate")];
  const problems: FieldProblem[] = [];
  if (terms.hourly_rate == null && terms.monthly_rate == null)
    problems.push({ path: "/hourly_rate", problem: "or monthly_rate is required" });
  if (terms.max_units != null && terms.max_units < (terms.min_units ?? 1))
    problems.push({ path: "/max_units", problem: "must be >= min_units" });
  return problems;
}

/** True when two prices say the same, whatever they leave out. */
export function isSameTerms(one: Terms, other: Terms): boolean {
  const stated = (terms: Terms): string =>
    JSON.stringify(
      Object.entries(terms)
        .filter(([, value]) => value != null)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  return stated(one) === stated(other);
}

/** Token rates more than ten times the platform's, or less than a tenth of it. */
export function farRates(terms: Terms, platform: Terms): RateName[] {
  return rateNames.filter((name) => {
    const [own, usual] = [terms[name], platform[name]];
    if (own == null || usual == null || parseAmount(usual).isZero()) return false;
    const ratio = parseAmount(own).dividedBy(usual);
    return ratio.greaterThan(10) || ratio.lessThan("0.1");
  });
}
