import type { Documents, Filter } from "#shared/platform/documents/documents.ts";
import { everyPage, type WholeQuery } from "#shared/platform/documents/pages.ts";
import { runIndexPath } from "./run-paths.ts";
import { runShards } from "./run-shard.ts";

/** Document `platform/gauges`: what is measured of the whole platform, each minute, by whichever process sweeps. */
interface GaugesDocument {
  /** RFC 3339 UTC, by the store's clock. */
  at: string;
  values: Record<GaugeName, number>;
}

const gauges = {
  ca_dead_letters_open: "Messages that nobody could handle and nobody has decided about",
  ca_runs_overdue: "Runs whose check is more than five minutes late",
} as const;
type GaugeName = keyof typeof gauges;

const path = "platform/gauges";
/** Counting ends here: who sees this number has enough to do. */
const mostCounted = 5000;
const overdueMilliseconds = 5 * 60_000;
/** What nobody has measured for so long is not known. */
const staleMilliseconds = 10 * 60_000;

/** Measures and stores the gauges of `pipelines.md` 17 that concern all organizations together. */
export async function measureGauges(documents: Documents): Promise<void> {
  const { readAt } = await documents.get(runIndexPath("clock"));
  const overdue = new Date(readAt.getTime() - overdueMilliseconds).toISOString();
  const values = {
    ca_dead_letters_open: await counted(openLetters, documents),
    ca_runs_overdue: await overdueRuns(overdue, documents),
  };
  await documents.transaction(async (tx) => {
    await tx.get<GaugesDocument>(path);
    tx.set<GaugesDocument>(path, { at: readAt.toISOString(), values });
  });
}

/** The stored gauges as Prometheus text; empty where nobody has measured them lately. */
export async function gaugesText(documents: Pick<Documents, "get">): Promise<string> {
  const { body, readAt } = await documents.get<GaugesDocument>(path);
  if (body === undefined || readAt.getTime() - Date.parse(body.at) > staleMilliseconds) return "";
  return Object.entries(gauges)
    .map(([name, help]) => `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${body.values[name as GaugeName]}\n`)
    .join("\n");
}

const openLetters: WholeQuery = {
  collection: "deadLetters",
  filters: [{ field: "state", is: "==", value: "OPEN" }],
  orderBy: [{ field: "firstAt", direction: "desc" }],
};

async function counted(query: WholeQuery, documents: Documents): Promise<number> {
  let count = 0;
  for await (const page of everyPage(query, documents)) {
    count += page.documents.length;
    if (count >= mostCounted) break;
  }
  return count;
}

async function overdueRuns(until: string, documents: Documents): Promise<number> {
  let count = 0;
  for (let shard = 0; shard < runShards; shard++) {
    const filters: Filter[] = [
      { field: "shard", is: "==", value: shard },
      { field: "nextCheckAt", is: "<=", value: until },
    ];
    count += await counted(
      { collection: "runIndex", filters, orderBy: [{ field: "nextCheckAt", direction: "asc" }] },
      documents,
    );
  }
  return count;
}
