import { setImmediate } from "node:timers/promises";
import type { DataFrame } from "nodejs-polars";
import { valuesOf } from "./column-values.ts";
import type { Column, TableDefinition } from "./table.ts";

const ROWS_PER_SLICE = 1_000;

/**
 * The rows as newline-delimited JSON for a load job: decimals and 64-bit integers as text, so that no reader rounds
 * them; JSON columns as the value itself; nulls left out. In slices, so that the event loop stays free.
 */
export async function ndjsonOf(rows: DataFrame, table: TableDefinition): Promise<Buffer[]> {
  const slices: Buffer[] = [];
  for (let start = 0; start < rows.height; start += ROWS_PER_SLICE) {
    slices.push(Buffer.from(linesOf(rows.slice(start, ROWS_PER_SLICE), table.columns)));
    await setImmediate();
  }
  return slices;
}

function linesOf(rows: DataFrame, columns: readonly Column[]): string {
  const lines: string[] = Array.from({ length: rows.height }, () => "");
  for (const column of columns) {
    const key = JSON.stringify(column.name);
    const isJson = column.type === "JSON" && column.mode !== "REPEATED";
    valuesOf(rows, column).forEach((value, row) => {
      if (value === null || value === undefined) return;
      const text = isJson ? String(value) : JSON.stringify(value);
      lines[row] += `${lines[row] ? "," : ""}${key}:${text}`;
    });
  }
  return lines.map((line) => `{${line}}\n`).join("");
}
