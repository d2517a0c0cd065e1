import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { type Answer, type BucketPages, TextBody } from "../provider.ts";
import type { Fault, FaultMode } from "./fault.ts";

interface Page {
  readonly body: JsonObject;
  readonly data: Json[];
  readonly pages: BucketPages;
}

/** Faults of pages of buckets; each works on the page's own cursors, so that the walk goes on honestly where the fault wants it to. */
const pageFaults: Partial<Record<FaultMode, (page: Page) => void>> = {
  /** Nothing on this page, and a new cursor to the same place. */
  "empty-page": ({ body, pages }) => {
    body["data"] = [];
    continueAt(body, pages.cursor(0, 0));
  },
  /** A cursor that leads to the page it stands on. */
  "page-loop": ({ body, pages }) => continueAt(body, pages.asked ?? pages.cursor(0, 0)),
  /** The last bucket comes again, whole, on the next page. */
  "repeat-bucket": ({ body, data, pages }) => continueAt(body, pages.cursor(data.length - 1, 0)),
  /** The last bucket with two results or more is cut in two; its second half comes on the next page. */
  "split-bucket": ({ body, data, pages }) => {
    const index = splittable(data);
    const bucket = data[index];
    if (!isJsonObject(bucket) || !Array.isArray(bucket["results"])) return;
    const half = Math.floor(bucket["results"].length / 2);
    bucket["results"] = bucket["results"].slice(0, half);
    body["data"] = data.slice(0, index + 1);
    continueAt(body, pages.cursor(index, half));
  },
};

/** True for a fault of this file that can change the answer. */
export function isPageFault({ mode }: Fault, answer: Answer): boolean {
  const page = pageOf(answer);
  if (page === undefined || pageFaults[mode] === undefined) return false;
  if (mode === "split-bucket") return splittable(page.data) >= 0;
  return mode !== "repeat-bucket" || page.data.length > 0;
}

/** Changes the answer's body in place and returns the answer. */
export function applyPageFault({ mode }: Fault, answer: Answer): Answer {
  const page = pageOf(answer);
  if (page !== undefined) pageFaults[mode]?.(page);
  return answer;
}

function pageOf({ status, body, pages }: Answer): Page | undefined {
  if (status !== 200 || pages === undefined || body instanceof TextBody || !isJsonObject(body)) return undefined;
  const data = body["data"];
  return Array.isArray(data) ? { body, data, pages } : undefined;
}

function splittable(data: readonly Json[]): number {
  return data.findLastIndex(
    (bucket) => isJsonObject(bucket) && Array.isArray(bucket["results"]) && bucket["results"].length > 1,
  );
}

function continueAt(body: JsonObject, cursor: string): void {
  body["has_more"] = true;
  body["next_page"] = cursor;
}
