import type { BigQuery, Query, QueryRowsResponse } from "@google-cloud/bigquery";
import { inPortTerms } from "./bigquery-errors.ts";
import type { Statement } from "./bigquery-sql.ts";

/** A row as REST answers it: one `v` per column; text, null, or the elements of a REPEATED column. */
export interface RawRow {
  f: { v: string | null | { v: string | null }[] }[];
}

const ROWS_PER_PAGE = 20_000;

/** Runs the statement and hands on the result page by page, as answered. A DELETE has no pages with rows. */
export async function* pagesOf(bigquery: BigQuery, statement: Statement, location: string): AsyncGenerator<RawRow[]> {
  const query: Query = { ...statement, location, useLegacySql: false, maxResults: ROWS_PER_PAGE, skipParsing: true };
  let [rows, next] = await inPortTerms("run a query", async () =>
    asPage(await bigquery.query(query, { autoPaginate: false })),
  );
  if (rows && rows.length > 0) yield rows;
  while (next?.job) {
    const { job, ...options } = next;
    [rows, next] = await inPortTerms("answer a page", async () => {
      const page = asPage(await job.getQueryResults({ ...options, autoPaginate: false }));
      return [page[0], page[1] && { ...page[1], job }] as const;
    });
    if (rows && rows.length > 0) yield rows;
  }
}

/** Runs a statement to its end whose rows do not matter. */
export async function execute(bigquery: BigQuery, statement: Statement, location: string): Promise<void> {
  for await (const _page of pagesOf(bigquery, statement, location));
}

/** With `autoPaginate: false` the client answers rows, next query and response; its types say so for text queries only. */
function asPage(response: unknown): readonly [RawRow[] | undefined, Query | null | undefined] {
  const [rows, next] = response as QueryRowsResponse;
  return [rows, next];
}
