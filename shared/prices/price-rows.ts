import { createHash } from "node:crypto";
import { amountText, parseAmount } from "#shared/money/amount.ts";
import { type FieldProblem, isAppError } from "#shared/runtime/errors.ts";
import { keyText, type PriceKey, type PriceVersion, type Terms } from "./price.ts";

/** A row of a price file as text, by column. */
export type FileRow = Readonly<Record<string, string>>;

/** Collects what is wrong with the rows of one file. */
export interface RowReader {
  readonly faults: FieldProblem[];
  text(name: string): string;
  /** Decimal text of at most 12 decimals and not negative; null where the cell is empty. */
  decimal(name: string): string | null;
  integer(name: string): number | null;
  day(name: string): string;
  choice<const T extends string>(name: string, values: readonly T[]): T;
}

const maximumDecimals = 12;

/** Reads the cells of one row; faults go to the list with file and line (the header is line 1). */
export function rowReader(row: FileRow, file: string, index: number, faults: FieldProblem[]): RowReader {
  const fault = (name: string, problem: string): void => {
    faults.push({ path: `/${file}:${index + 2}/${name}`, problem });
  };
  const text = (name: string): string => {
    const value = row[name];
    if (value === undefined || value === "") fault(name, value === undefined ? "column is missing" : "is empty");
    return value ?? "";
  };
  return {
    faults,
    text,
    decimal: (name) => {
      const value = row[name];
      if (value === undefined || value === "") return null;
      const plain = plainDecimal(value);
      if (plain === undefined) fault(name, "is not a decimal of at most 12 decimals, 0 or more");
      return plain ?? null;
    },
    integer: (name) => {
      const value = row[name];
      if (value === undefined || value === "") return null;
      if (!/^\d{1,15}$/.test(value)) fault(name, "is not a whole number");
      return Number(value);
    },
    day: (name) => {
      const value = text(name);
      if (value !== "" && !isDay(value)) fault(name, "is not a day YYYY-MM-DD");
      return value;
    },
    choice: (name, values) => {
      const value = text(name);
      const found = values.find((each) => each === value);
      if (found === undefined && value !== "") fault(name, `must be one of ${values.join(", ")}`);
      return found ?? (values[0] as (typeof values)[number]);
    },
  };
}

/** The literal without superfluous digits; undefined for what is no price: negative, in E notation, too fine. */
export function plainDecimal(literal: string): string | undefined {
  if (!/^\d{1,26}(\.\d+)?$/.test(literal)) return undefined;
  try {
    const value = parseAmount(literal);
    return value.decimalPlaces() > maximumDecimals ? undefined : amountText(value);
  } catch (error) {
    if (isAppError(error)) return undefined;
    throw error;
  }
}

/** True for a real UTC day `YYYY-MM-DD`. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const instant = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(text);
}

/** A platform version made of a file's row. */
export function platformVersion(
  key: Omit<PriceKey, "region">,
  terms: Terms,
  cells: RowReader,
  releasedAt: string,
): PriceVersion {
  const at = { ...key, region: cells.text("region") };
  const effectiveFrom = cells.day("effective_from");
  return {
    ...at,
    priceId: platformPriceId(at, effectiveFrom),
    scope: "platform",
    kind: "default",
    currency: cells.text("currency"),
    effectiveFrom,
    effectiveTo: null,
    terms,
    notes: null,
    source: cells.choice("source", ["community-list", "vendor-page", "operator", "seed-default"]),
    sourceRef: null,
    asOf: cells.day("as_of"),
    confidence: cells.choice("confidence", ["verified", "unverified"]),
    dissent: [],
    createdAt: releasedAt,
    createdBy: "platform",
    orgVersion: null,
    withdrawnAt: null,
    withdrawnBy: null,
    withdrawnOrgVersion: null,
    supersededBy: null,
  };
}

/** `def_` and a hash of key and day: the same price has the same id in every release. */
export function platformPriceId(key: PriceKey, effectiveFrom: string): string {
  return `def_${createHash("sha256")
    .update(`${keyText(key)} ${effectiveFrom}`)
    .digest("hex")
    .slice(0, 24)}`;
}
