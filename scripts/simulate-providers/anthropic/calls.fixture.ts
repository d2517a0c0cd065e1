import { Decimal } from "decimal.js";
import { control, type Query, type Reply } from "../walk-pages.ts";

export type Row = Reply["body"];
export const Exact = Decimal.clone({ precision: 60 });

export const month: Query = { starting_at: "2026-07-01T00:00:00Z", ending_at: "2026-08-01T00:00:00Z" };

/** The headers of a call with an admin key of the account. */
export function keyOfAccount(account: string): Record<string, string> {
  return { "x-api-key": `sk-ant-admin-sim-${account}`, "anthropic-version": "2023-06-01" };
}

export function rowsOf(buckets: Row[]): Row[] {
  return buckets.flatMap((bucket) => bucket.results);
}

export function sum(values: string[]): string {
  return values.reduce((total, value) => total.plus(value), new Exact(0)).toFixed();
}

/** USD of cost rows, whose amounts are in cents. */
export function dollars(rows: Row[]): string {
  return new Exact(sum(rows.map((row) => row.amount))).div(100).toFixed();
}

/** The five token counts of usage rows, by the truth's names. */
export function tokensOf(rows: Row[]): Record<string, string> {
  return {
    uncached: sum(rows.map((row) => row.uncached_input_tokens)),
    cache_read: sum(rows.map((row) => row.cache_read_input_tokens)),
    cache_write_5m: sum(rows.map((row) => row.cache_creation.ephemeral_5m_input_tokens)),
    cache_write_1h: sum(rows.map((row) => row.cache_creation.ephemeral_1h_input_tokens)),
    output: sum(rows.map((row) => row.output_tokens)),
  };
}

export async function truthOf(url: string, from: string, to: string, account = "example-org"): Promise<Row> {
  const answer = await control(url, "GET", `/truth?provider=anthropic&account=${account}&from=${from}&to=${to}`);
  return answer.truth;
}
