import { configFile } from "#shared/platform/config-files.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import { type Decimal, parseAmount } from "./amount.ts";
import { isUtcDay, type Pegs, plainRate, type RateSet, withPegs } from "./fx.ts";

/** What the installation knows of currencies before any rate is fetched. */
export interface ShippedRates {
  pegs: Pegs;
  /** Approximate rates of one day; every use of them is marked stale. */
  seed: RateSet;
}

type Row = Readonly<Record<string, string>>;

let loaded: Promise<ShippedRates> | undefined;

/** `configs/fx/`, read and checked once. Throws `CONFIG_FILE_INVALID` with every fault. */
export function shippedRates(): Promise<ShippedRates> {
  loaded ??= Promise.all([configFile("fx/pegs.csv"), configFile("fx/seed_rates.csv")]).then(([pegs, seed]) =>
    checkedRates(pegs as Row[], seed as Row[]),
  );
  return loaded;
}

/** Checks the rows of both files together. Throws `CONFIG_FILE_INVALID` whose fields are file and line. */
export function checkedRates(pegRows: readonly Row[], seedRows: readonly Row[]): ShippedRates {
  const faults: FieldProblem[] = [];
  const pegs = ratesOf(pegRows, "pegs.csv", "units_per_usd", faults);
  const seed = ratesOf(seedRows, "seed_rates.csv", "rate", faults);
  const [base, day] = [oneOf(seedRows, "base", faults), oneOf(seedRows, "as_of", faults)];
  if (!isUtcDay(day)) faults.push({ path: "/seed_rates.csv:2/as_of", problem: "is not a day YYYY-MM-DD" });
  if (faults.length > 0) {
    const first = faults[0];
    throw new AppError("CONFIG_FILE_INVALID", `configs/fx${first?.path} ${first?.problem}`, { fields: faults });
  }
  return { pegs, seed: { day, base, source: "seed", rates: withPegs(seed, base, new Map()) } };
}

function ratesOf(rows: readonly Row[], file: string, column: string, faults: FieldProblem[]): Map<string, Decimal> {
  const rates = new Map<string, Decimal>();
  for (const [index, row] of rows.entries()) {
    const [currency = "", text = ""] = [row["currency"], row[column]];
    const fault = (name: string, problem: string): void => {
      faults.push({ path: `/${file}:${index + 2}/${name}`, problem });
    };
    const rate = plainRate(text);
    if (rate === undefined) fault(column, "is not a rate");
    if (!/^[A-Z]{3}$/.test(currency)) fault("currency", "is not a currency code");
    if (rates.has(currency)) fault("currency", "stands twice");
    if (rate !== undefined) rates.set(currency, parseAmount(rate));
  }
  return rates;
}

function oneOf(rows: readonly Row[], column: string, faults: FieldProblem[]): string {
  const values = [...new Set(rows.map((row) => row[column] ?? ""))];
  if (values.length !== 1) faults.push({ path: `/seed_rates.csv/${column}`, problem: "must be the same in all rows" });
  return values[0] ?? "";
}
