import { daysBetween } from "#shared/costs/dates.ts";

/**
 * Rows of one month of an organization's costs in US dollars, as columns. Amounts count units of 10^-12 dollars and are
 * whole numbers below 2^53, so they are exact although they are JS numbers.
 */
export interface MonthRows {
  /** `yyyy-mm`. */
  month: string;
  rows: number;
  /** UTC days of the month, which `day` counts. */
  days: string[];
  day: Uint8Array;
  /** Position in `services`. */
  service: Uint8Array;
  /** Position in `charges`. */
  charge: Uint8Array;
  isCorrection: Uint8Array;
  effective: Float64Array;
  billed: Float64Array;
  list: Float64Array;
  contracted: Float64Array;
}

export interface ServiceFacts {
  provider: string;
  category: string;
  name: string;
  serviceCategory: string;
}

export const charges = ["Usage", "Purchase", "Tax", "Credit", "Adjustment"] as const;

/** A charge that repairs an earlier one: it counts for no saving. */
export const correction = "Correction";

export const year = 2025;

const providers = [
  { id: "gcp", category: "cloud" },
  { id: "aws", category: "cloud" },
  { id: "openai", category: "llm" },
  { id: "azure", category: "cloud" },
  { id: "anthropic", category: "llm" },
  { id: "slack", category: "saas" },
  { id: "deepseek", category: "llm" },
  { id: "canva", category: "saas" },
];
const serviceCategories = ["Compute", "Storage", "Networking", "Databases", "AI and Machine Learning"];
const serviceCount = 60;
const zipfExponent = 1.1;

/** 60 services, spread evenly over 8 providers. */
export const services: readonly ServiceFacts[] = Array.from({ length: serviceCount }, (_, at) => {
  const { id, category } = providers[at % providers.length] ?? { id: "gcp", category: "cloud" };
  const serviceCategory = serviceCategories[at % serviceCategories.length] ?? "Other";
  return { provider: id, category, name: `${id} service ${Math.floor(at / providers.length) + 1}`, serviceCategory };
});

/** The twelve months of the year, of the same rows for the same seed whatever else runs. Providers are Zipf distributed. */
export function* orgYear(rows: number, seed: number): Generator<MonthRows> {
  const random = xorshift(seed);
  for (let at = 0; at < 12; at++) {
    const month = `${year}-${String(at + 1).padStart(2, "0")}`;
    const count = Math.floor((rows * (at + 1)) / 12) - Math.floor((rows * at) / 12);
    yield monthRows(month, count, random);
  }
}

/** Plain decimal text of an amount, with its 12 decimals. */
export function unitsText(units: number): string {
  const digits = String(Math.abs(units)).padStart(13, "0");
  return `${units < 0 ? "-" : ""}${digits.slice(0, -12)}.${digits.slice(-12)}`;
}

function monthRows(month: string, rows: number, random: Random): MonthRows {
  const [first, afterLast] = [new Date(`${month}-01T00:00:00Z`), new Date(`${month}-01T00:00:00Z`)];
  afterLast.setUTCMonth(first.getUTCMonth() + 1, 0);
  const days = daysBetween(`${month}-01`, afterLast.toISOString().slice(0, 10));
  const filled: MonthRows = {
    month,
    rows,
    days,
    day: new Uint8Array(rows),
    service: new Uint8Array(rows),
    charge: new Uint8Array(rows),
    isCorrection: new Uint8Array(rows),
    effective: new Float64Array(rows),
    billed: new Float64Array(rows),
    list: new Float64Array(rows),
    contracted: new Float64Array(rows),
  };
  for (let row = 0; row < rows; row++) fillRow(filled, row, random);
  return filled;
}

function fillRow(into: MonthRows, row: number, random: Random): void {
  into.day[row] = Math.floor(random() * into.days.length);
  into.service[row] = chosenService(random);
  const kind = random();
  const charge =
    kind < 0.05 ? "Credit" : kind < 0.07 ? "Adjustment" : kind < 0.09 ? "Tax" : kind < 0.12 ? "Purchase" : "Usage";
  into.charge[row] = charges.indexOf(charge);
  into.isCorrection[row] = charge === "Adjustment" ? 1 : 0;
  const size = amountUnits(random);
  const billed = charge === "Credit" || (charge === "Adjustment" && random() < 0.5) ? -size : size;
  into.billed[row] = billed;
  const isPlain = charge !== "Usage" && charge !== "Purchase";
  const isDiscounted = !isPlain && random() < 0.25;
  into.contracted[row] = billed;
  into.list[row] = isDiscounted ? billed + Math.floor(billed / 8) : billed;
  // A commitment's purchase is spread over what it covers; some usage costs less by one.
  const covered = charge === "Purchase" ? billed : Math.floor(billed / 5);
  into.effective[row] = !isPlain && random() < 0.1 ? billed - covered : billed;
}

/** 0 to 12 decimals, up to 1,000 dollars, small amounts more often. */
function amountUnits(random: Random): number {
  const decimals = Math.floor(random() * 13);
  const integerDigits = Math.floor(random() * 4);
  return Math.floor(random() * 10 ** (integerDigits + decimals)) * 10 ** (12 - decimals);
}

const providerShares = cumulative(providers.map((_, at) => 1 / (at + 1) ** zipfExponent));

function chosenService(random: Random): number {
  const share = random();
  const provider = Math.max(
    0,
    providerShares.findIndex((limit) => share < limit),
  );
  const own = Math.ceil((serviceCount - provider) / providers.length);
  return provider + providers.length * Math.floor(random() * own);
}

function cumulative(weights: readonly number[]): number[] {
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return weights.map((weight) => {
    sum += weight / whole;
    return sum;
  });
}

/** Numbers from 0 (included) to 1 (excluded). */
type Random = () => number;

/** Marsaglia's xorshift, 32 bits, two steps for each number. */
function xorshift(seed: number): Random {
  let state = seed >>> 0 || 1;
  const step = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  // Small seeds begin with small numbers.
  for (let at = 0; at < 16; at++) step();
  return () => ((step() >>> 5) * 67_108_864 + (step() >>> 6)) / 9_007_199_254_740_992;
}
