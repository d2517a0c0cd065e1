import type { RunDocument, RunIndexDocument } from "#shared/pipelines/run.ts";
import { runPath } from "#shared/pipelines/run-paths.ts";
import { runShards } from "#shared/pipelines/run-shard.ts";
import type { Documents, Page } from "#shared/platform/documents/documents.ts";

/** One page of the runs of all organizations that have not ended. */
export async function liveRunsPage(
  { shard, from, limit }: { shard: number; from: string | undefined; limit: number },
  documents: Documents,
): Promise<{ runs: RunDocument[]; next: string | undefined }> {
  const page: Page<RunIndexDocument> = await documents.list<RunIndexDocument>({
    collection: "runIndex",
    filters: [
      { field: "shard", is: "==", value: shard },
      { field: "nextCheckAt", is: "<=", value: "9999-12-31T23:59:59.999Z" },
    ],
    orderBy: [{ field: "nextCheckAt", direction: "asc" }],
    limit,
    ...(from === undefined ? {} : { cursor: from }),
  });
  const paths = page.documents.map(({ path, body }) => runPath(body.org, path.split("/").at(-1) ?? ""));
  const stored = await documents.getAll<RunDocument>(paths);
  return { runs: stored.flatMap(({ body }) => (body === undefined ? [] : [body])), next: page.next };
}

/** The runs of all organizations that have not ended, page by page. */
export async function* liveRuns(documents: Documents): AsyncGenerator<RunDocument[]> {
  for (let shard = 0; shard < runShards; shard++) {
    let from: string | undefined;
    do {
      const { runs, next } = await liveRunsPage({ shard, from, limit: 200 }, documents);
      yield runs;
      from = next;
    } while (from !== undefined);
  }
}

/** `QUEUED`: it waits for a slot. `PROCESSING`: a processor has it, or its message is on its way there. */
export function queueStateOf({ queueState }: RunDocument): "QUEUED" | "PROCESSING" {
  return queueState === "waiting_slot" ? "QUEUED" : "PROCESSING";
}
