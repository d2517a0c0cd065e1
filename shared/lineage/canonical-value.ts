import { isLosslessNumber, parse } from "lossless-json";
import { amountText, isAmount, parseAmount, roundAmount } from "#shared/money/amount.ts";
import type { ColumnType } from "#shared/platform/warehouse/table.ts";

/**
 * One text per stored value: equal values have equal texts however they are written (1.50 and 1.5, an instant in two
 * offsets, JSON with its keys in two orders). Takes what rows carry: text, Decimal, bigint, boolean, Date, plain JSON.
 * Throws a RangeError or TypeError for what the column cannot hold, floats in BIGNUMERIC among it.
 */
export function canonicalValue(type: ColumnType, value: unknown): string {
  switch (type) {
    case "STRING":
      if (typeof value === "string") return value.normalize("NFC");
      break;
    case "BIGNUMERIC":
      if (typeof value === "string") return amountText(roundAmount(parseAmount(value)));
      if (isAmount(value)) return amountText(roundAmount(value));
      break;
    case "INT64":
      return canonicalInteger(value);
    case "BOOL":
      if (typeof value === "boolean") return String(value);
      break;
    case "DATE":
      return canonicalDay(value);
    case "TIMESTAMP":
      return canonicalInstant(value);
    case "JSON":
      return canonicalJson(typeof value === "string" ? parse(value) : value);
    case "FLOAT64":
      // Adding 0 turns -0 into 0.
      if (typeof value === "number" && Number.isFinite(value)) return String(value + 0);
      break;
  }
  throw new TypeError(`is not a value of ${type}`);
}

function canonicalInteger(value: unknown): string {
  const isWhole = typeof value === "bigint" || Number.isSafeInteger(value);
  const isText = typeof value === "string" && /^-?\d{1,19}$/.test(value);
  if (!isWhole && !isText) throw new TypeError("is not an exact integer");
  const integer = BigInt(value as bigint | number | string);
  if (BigInt.asIntN(64, integer) !== integer) throw new RangeError("does not fit 64 bits");
  return integer.toString();
}

function canonicalDay(value: unknown): string {
  if (value instanceof Date) return value.toISOString().slice(0, 10);
  if (typeof value !== "string" || !isReal(`${value}T00:00:00`)) throw new TypeError("is not a day YYYY-MM-DD");
  return value;
}

/** `YYYY-MM-DDTHH:MM:SS.ffffffZ`; finer digits are cut, a text without offset is refused. Source: tables.md 1. */
function canonicalInstant(value: unknown): string {
  const text = value instanceof Date ? value.toISOString() : String(value);
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  const seconds = `${match?.[1]}T${match?.[2]}`;
  const at = Date.parse(`${seconds}${match?.[4]}`);
  if (!isReal(seconds) || Number.isNaN(at)) throw new TypeError("is not an instant with its offset");
  const micros = (match?.[3] ?? "").padEnd(6, "0").slice(0, 6);
  return `${new Date(at).toISOString().slice(0, 19)}.${micros}Z`;
}

/** False for a day or time of day that does not exist, which Date would move to the next. */
function isReal(seconds: string): boolean {
  const at = new Date(`${seconds}Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(`${seconds}.`);
}

function canonicalJson(value: unknown): string {
  if (isLosslessNumber(value)) return amountText(parseAmount(value.toString()));
  if (typeof value === "number" && Number.isFinite(value)) return amountText(parseAmount(String(value)));
  if (typeof value === "string") return JSON.stringify(value.normalize("NFC"));
  if (typeof value === "boolean" || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object") throw new TypeError("is not JSON");
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([key, member]) => `${JSON.stringify(key.normalize("NFC"))}:${canonicalJson(member)}`);
  return `{${members.sort().join(",")}}`;
}
