import { isLosslessNumber, isSafeNumber, parse } from "lossless-json";

/** A number long or large enough that a double may not hold it. */
const RISKY_NUMBER = /\d{16}|\d[eE]|\d\.\d{15}/;

/**
 * One spelling of a JSON object or array: no spaces, keys in order of code units. Both warehouses store JSON by value
 * and not by text, so equal values must have equal text. Undefined for anything else, also when a number would lose
 * digits as a double.
 */
export function canonicalJson(value: unknown): string | undefined {
  const parsed = typeof value === "string" ? parsedText(value) : value;
  if (typeof parsed !== "object" || parsed === null) return undefined;
  try {
    return JSON.stringify(parsed, sortedKeys);
  } catch {
    return undefined;
  }
}

function parsedText(text: string): unknown {
  try {
    if (RISKY_NUMBER.test(text)) parse(text, refuseUnsafe);
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refuseUnsafe(_key: string, value: unknown): unknown {
  if (isLosslessNumber(value) && !isSafeNumber(value.value)) throw new RangeError("number loses digits");
  return value;
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError("not a JSON number");
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
