import { epochMicrosecondsOf } from "#shared/platform/warehouse/instant-text.ts";

const day = /^\d{4}-\d{2}-\d{2}$/;
const instant = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?\s?(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?$/;

/** Years of invoices; what lies outside was never meant. */
const first = Date.UTC(1990, 0, 1) * 1000;
const last = Date.UTC(2200, 0, 1) * 1000;

/**
 * Microseconds since the epoch of an instant as files write it. An offset becomes UTC, none is UTC, a day is its 00:00Z.
 * Undefined for what is no instant, or lies outside 1990 to 2199.
 */
export function instantOf(text: string): number | undefined {
  const trimmed = text.trim();
  const match = instant.exec(day.test(trimmed) ? `${trimmed}T00:00Z` : trimmed);
  if (match === null) return undefined;
  const [, date, minutes, seconds = ":00", zone = "Z"] = match;
  const micros = Number(epochMicrosecondsOf(`${date}T${minutes}${seconds}${offsetOf(zone)}`));
  return micros >= first && micros < last ? micros : undefined;
}

/** `+0200` and `+02` are `+02:00`. */
function offsetOf(zone: string): string {
  if (/^(z|utc)$/i.test(zone)) return "Z";
  const digits = zone.slice(1).replace(":", "").padEnd(4, "0");
  return `${zone[0]}${digits.slice(0, 2)}:${digits.slice(2)}`;
}
