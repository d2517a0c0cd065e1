/** A JSON number given by its text, so that money reaches the wire as an exact decimal and never passes a float. */
export class NumberLiteral {
  readonly text: string;

  constructor(text: string) {
    if (!/^-?(0|[1-9]\d*)(\.\d+)?$/.test(text)) throw new Error(`not a decimal literal: ${text}`);
    this.text = text;
  }
}

export interface JsonObject {
  [key: string]: Json;
}

export type Json = null | boolean | string | number | bigint | NumberLiteral | Json[] | JsonObject;

/** JSON text of a value, keys in insertion order. Numbers must be safe integers; larger or fractional ones are bigint or NumberLiteral. */
export function writeJson(value: Json): string {
  if (value instanceof NumberLiteral) return value.text;
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new Error(`not an exact JSON number: ${value}`);
  if (Array.isArray(value)) return `[${value.map(writeJson).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}:${writeJson(member)}`);
  return `{${members.join(",")}}`;
}

/** A value from JSON.parse as Json; for echoing what a caller sent, never for money. */
export function fromParsed(value: unknown): Json {
  if (typeof value === "number") return Number.isSafeInteger(value) ? value : new NumberLiteral(value.toFixed(6));
  if (Array.isArray(value)) return value.map(fromParsed);
  if (typeof value !== "object" || value === null)
    return typeof value === "string" || typeof value === "boolean" ? value : null;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, fromParsed(member)]));
}

/** True for a JSON object: no array, no number literal, not null. */
export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof NumberLiteral);
}
