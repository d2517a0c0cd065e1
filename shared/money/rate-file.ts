import type { FieldProblem } from "#shared/runtime/errors.ts";
import { isUtcDay, type PublishedRates, plainRate } from "./fx.ts";

/** A file's days and everything wrong with it; with any problem the whole file is refused. */
export interface RateFile {
  days: PublishedRates[];
  problems: FieldProblem[];
}

/** What one day of a file is collected with. */
export interface DayCollector {
  fault(problem: string): void;
  /** Takes the literal as it stands in the file. */
  add(currency: string, literal: string): void;
  close(): void;
}

/** Starts a day of a file; its rates are in the file once it is closed, its faults at once. */
export function collectDay({ day, base }: { day: string; base: string }, file: RateFile): DayCollector {
  const rates = new Map<string, string>();
  const fault = (problem: string): void => {
    file.problems.push({ path: `/content/${day.slice(0, 40)}`, problem });
  };
  if (!isUtcDay(day)) fault("is not a day");
  return {
    fault,
    add: (currency, literal) => {
      const rate = plainRate(literal);
      if (!/^[A-Z]{3}$/.test(currency) || currency === base)
        fault(`has the currency ${JSON.stringify(currency.slice(0, 10))}`);
      else if (rates.has(currency)) fault(`states ${currency} twice`);
      else if (rate === undefined) fault(`has a rate of ${currency} that is no decimal above 0`);
      else rates.set(currency, rate);
    },
    close: () => {
      if (rates.size === 0) fault("has no rate");
      file.days.push({ base, publishedOn: day, rates: Object.fromEntries(rates) });
    },
  };
}

/** The file by day ascending, whatever its own order; without any day where something is wrong with one. */
export function wholeFile({ days, problems }: RateFile): RateFile {
  if (days.length === 0 && problems.length === 0) return refusedFile("holds no day");
  const sorted = [...days].sort((a, b) => (a.publishedOn < b.publishedOn ? -1 : 1));
  const repeated = sorted.filter(({ publishedOn }, at) => sorted[at - 1]?.publishedOn === publishedOn);
  const all = [
    ...problems,
    ...repeated.map(({ publishedOn }) => ({ path: `/content/${publishedOn}`, problem: "stands twice" })),
  ];
  return all.length > 0 ? { days: [], problems: all } : { days: sorted, problems: [] };
}

export function refusedFile(problem: string): RateFile {
  return { days: [], problems: [{ path: "/content", problem }] };
}

/** `{"base": "EUR", "days": {"2026-07-03": {"USD": 1.1402}}}`; numbers are read as they are written, never as floats. */
export async function readRatesJson(text: string): Promise<RateFile> {
  const { parse } = await import("lossless-json");
  const content = parsed(() => parse(text, null, (literal) => literal));
  const [base, days] = isRecord(content) ? [content["base"], content["days"]] : [];
  if (typeof base !== "string" || !/^[A-Z]{3}$/.test(base) || !isRecord(days))
    return refusedFile('is not {"base": "EUR", "days": {"2026-07-03": {"USD": "1.1402"}}} in JSON');
  const file: RateFile = { days: [], problems: [] };
  for (const [day, rates] of Object.entries(days)) {
    const collector = collectDay({ day, base }, file);
    if (!isRecord(rates)) collector.fault("is not a list of rates by currency");
    for (const [currency, rate] of Object.entries(isRecord(rates) ? rates : {}))
      collector.add(currency, typeof rate === "string" ? rate : "");
    collector.close();
  }
  return wholeFile(file);
}

function parsed(parse: () => unknown): unknown {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
