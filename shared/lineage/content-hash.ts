import { createHash } from "node:crypto";
import type { Column } from "#shared/platform/warehouse/table.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { canonicalValue } from "./canonical-value.ts";
import { isLineageColumn } from "./lineage.ts";

/**
 * Hex SHA-256 of the rows' canonical text: what "the same rows" means for a batch and for an unchanged day. It does not
 * depend on the order of rows, keys or columns, on how a decimal or instant is written, nor on the lineage block, so a
 * second pull of the same numbers has the same hash. Nulls are left out, so a column added later changes nothing.
 * Only the named columns count. Throws `ROW_INVALID` naming the first row and column that cannot be stored.
 * Source: pipelines.md 7.4.
 */
export function contentHash(rows: readonly Record<string, unknown>[], columns: readonly Column[]): string {
  const own = columns.filter(({ name }) => !isLineageColumn(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  const hash = createHash("sha256");
  for (const text of rows.map((row, index) => rowText(row, own, index)).sort()) hash.update(sized(text));
  return hash.digest("hex");
}

function rowText(row: Record<string, unknown>, columns: readonly Column[], index: number): string {
  let text = "";
  for (const column of columns) {
    const value = row[column.name];
    if (value === null || value === undefined) continue;
    try {
      const canonical = column.mode === "REPEATED" ? listText(column, value) : canonicalValue(column.type, value);
      // The warehouse keeps no difference between a missing and an empty list.
      if (canonical !== undefined) text += sized(column.name) + sized(canonical);
    } catch (cause) {
      throw refused(`/${index}/${column.name}`, cause);
    }
  }
  return text;
}

function listText(column: Column, value: unknown): string | undefined {
  if (!Array.isArray(value)) throw new TypeError("is not a list");
  if (value.length === 0) return undefined;
  return value.map((item) => sized(canonicalValue(column.type, item))).join("");
}

/** The length in front keeps texts apart whatever characters they hold. */
function sized(text: string): string {
  return `${Buffer.byteLength(text)}:${text}`;
}

function refused(path: string, cause: unknown): AppError {
  const problem = cause instanceof Error ? cause.message : String(cause);
  return new AppError("ROW_INVALID", `a row cannot be stored: ${path} ${problem}`, {
    fields: [{ path, problem }],
    cause,
  });
}
