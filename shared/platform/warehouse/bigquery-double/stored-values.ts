import { isLosslessNumber } from "lossless-json";

/** How the double keeps a cell: canonical text, a list of texts, or null. */
export type Cell = string | string[] | null;

export interface Field {
  name: string;
  type: string;
  mode: "REQUIRED" | "NULLABLE" | "REPEATED";
  description?: string;
}

const OLDER_NAMES: Record<string, string> = { INT64: "INTEGER", BOOL: "BOOLEAN", FLOAT64: "FLOAT" };
const TYPES = new Set(["STRING", "INTEGER", "BIGNUMERIC", "BOOLEAN", "DATE", "TIMESTAMP", "JSON", "FLOAT"]);
const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z| UTC|[+-]\d\d:\d\d)$/;

/** A field as REST answers it: older type names, a mode always. Undefined for a type the double does not know. */
export function restField(field: Partial<Field>): Field | undefined {
  const type = OLDER_NAMES[field.type ?? ""] ?? field.type ?? "";
  if (!field.name || !TYPES.has(type)) return undefined;
  return { ...field, name: field.name, type, mode: field.mode ?? "NULLABLE" };
}

/** The cell of a parsed JSON value (numbers as lossless literals). Throws a text that says what is wrong. */
export function cellOf(field: Field, value: unknown): Cell {
  if (field.mode === "REPEATED") return listOf(field, value);
  if (value === null || value === undefined) {
    if (field.mode === "REQUIRED") throw new Error(`Missing required field: ${field.name}.`);
    return null;
  }
  const text = PARSERS[field.type]?.(value);
  if (text === undefined)
    throw new Error(`Could not parse '${String(value)}' as ${field.type} for field ${field.name}`);
  return text;
}

/** The UTC day of a partition field's cell. */
export function dayOfCell(field: Field, cell: Cell): string {
  const text = String(cell);
  return field.type === "DATE" ? text : new Date(Math.floor(Number(text) / 1000)).toISOString().slice(0, 10);
}

/** `YYYY-MM-DDTHH:MM:SS.ffffffZ` of a TIMESTAMP cell. */
export function instantOfCell(cell: string): string {
  const micros = BigInt(cell);
  const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = (micros - rest) / 1_000_000n;
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${String(rest).padStart(6, "0")}Z`;
}

function listOf(field: Field, value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value))
    throw new Error(`Array specified for non-repeated field or value not a list: ${field.name}.`);
  return value.map((element: unknown) => {
    if (typeof element !== "string") throw new Error(`Only optional fields can be set to NULL. Field: ${field.name}`);
    return element;
  });
}

const PARSERS: Record<string, (value: unknown) => string | undefined> = {
  STRING: (value) => (typeof value === "string" ? value : undefined),
  INTEGER: integer,
  BIGNUMERIC: bigNumeric,
  BOOLEAN: (value) => (typeof value === "boolean" ? String(value) : undefined),
  DATE: (value) => (typeof value === "string" && isDay(value) ? value : undefined),
  TIMESTAMP: (value) => (typeof value === "string" ? microseconds(value) : undefined),
  JSON: (value) => canonical(value),
  FLOAT: (value) => (isLosslessNumber(value) ? String(Number(value.value)) : undefined),
};

function integer(value: unknown): string | undefined {
  const text = isLosslessNumber(value) ? value.value : value;
  if (typeof text !== "string" || !/^-?\d{1,19}$/.test(text)) return undefined;
  return BigInt.asIntN(64, BigInt(text)) === BigInt(text) ? String(BigInt(text)) : undefined;
}

/** 38 digits before and after the point. A JSON number passes through a double, as in any JSON reader. */
function bigNumeric(value: unknown): string | undefined {
  const text = isLosslessNumber(value) ? String(Number(value.value)) : value;
  const match = typeof text === "string" ? /^(-?)0*(\d{1,38}?)(?:\.(\d{0,38}?)0*)?$/.exec(text) : null;
  if (!match) return undefined;
  const [, sign = "", whole = "0", fraction = ""] = match;
  const magnitude = fraction ? `${whole}.${fraction}` : whole;
  return magnitude === "0" ? "0" : `${sign}${magnitude}`;
}

function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

function microseconds(text: string): string | undefined {
  const match = TIMESTAMP.exec(text);
  if (!match?.[1] || !isDay(match[1])) return undefined;
  const zone = match[4] === " UTC" ? "Z" : match[4];
  const milliseconds = Date.parse(`${match[1]}T${match[2]}${zone}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return String(BigInt(milliseconds) * 1000n + BigInt((match[3] ?? "").padEnd(6, "0") || "0"));
}

/** JSON is stored by value: members sorted, no spaces. */
function canonical(value: unknown): string {
  if (isLosslessNumber(value)) return value.value;
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(",")}}`;
}
