import { createHash } from "node:crypto";

/**
 * `x_source_record_id` and `x_row_id`: 32 hex characters over a tag and parts in their fixed order. Days are
 * `YYYY-MM-DD`; text is brought to NFC here; null and empty text differ. Amounts, quantities, names, run and batch ids
 * and times of pull are never parts. Source: tables.md 1; tags at their tables and in providers.md 2.6.
 */
export function taggedRowId(tag: string, parts: readonly (string | null)[]): string {
  return shortHash(`${tag}|${parts.map((part) => (part === null ? "~" : sized(part))).join("")}`);
}

/** `event_id`: 32 hex characters over parts in their fixed order. Source: tables.md 1, ingest-and-data-rights.md 5.1. */
export function plainRowId(parts: readonly (string | null)[]): string {
  return shortHash(parts.map((part) => (part === null ? "-;" : `${sized(part)};`)).join(""));
}

/** The length in front keeps parts apart whatever characters they hold. */
function sized(part: string): string {
  const text = part.normalize("NFC");
  return `${Buffer.byteLength(text)}:${text}`;
}

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
