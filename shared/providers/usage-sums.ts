import { drift } from "./answer-fields.ts";
import type { UsageRow } from "./raw-rows.ts";
import { type ModalityParts, noModalities } from "./token-vector.ts";

const vectorColumns = [
  "uncached_input_tokens",
  "cache_read_tokens",
  "cache_write_5m_tokens",
  "cache_write_1h_tokens",
  "output_tokens",
  "total_tokens",
] as const;
const modalityColumns = Object.keys(noModalities) as (keyof ModalityParts)[];

/** The token columns of a row that counts something else. */
export const noVector = { ...noModalities, ...Object.fromEntries(vectorColumns.map((name) => [name, null])) } as Record<
  (typeof vectorColumns)[number] | keyof ModalityParts,
  null
>;

/** A row with the JSON path it came from. */
export interface CountedUsage {
  row: UsageRow;
  path: string;
}

/** One row per identity, sorted by id; equal ones are summed. A sum that is not exact is `PROVIDER_SCHEMA_DRIFT`. */
export function summedUsageRows(counted: Iterable<CountedUsage>): UsageRow[] {
  const rows = new Map<string, UsageRow>();
  for (const { row, path } of counted) {
    const known = rows.get(row.x_source_record_id);
    rows.set(row.x_source_record_id, known ? added(known, row, path) : row);
  }
  return [...rows.values()].sort((a, b) => (a.x_source_record_id < b.x_source_record_id ? -1 : 1));
}

function added(known: UsageRow, next: UsageRow, path: string): UsageRow {
  const columns = [...vectorColumns, ...modalityColumns, "request_count"] as const;
  const sums = Object.fromEntries(columns.map((name) => [name, sum(known[name], next[name], path)]));
  return {
    ...known,
    ...sums,
    quantity: String(sum(Number(known.quantity), Number(next.quantity), path)),
    cache_split: known.cache_split && next.cache_split,
    provider_service_tier:
      known.provider_service_tier === next.provider_service_tier ? known.provider_service_tier : null,
  };
}

/** What one side does not know the sum does not know either. */
function sum(a: number | null, b: number | null, path: string): number | null {
  if (a === null || b === null) return null;
  if (!Number.isSafeInteger(a + b)) throw drift(path, "a sum of counts is too large to be exact");
  return a + b;
}
