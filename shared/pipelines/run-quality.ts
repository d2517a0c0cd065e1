import { createHash } from "node:crypto";
import type { DayPublication } from "#shared/ledger/ledger.ts";
import { loadMinorDigits } from "#shared/money/currencies.ts";
import { checkPublications, type TableQuality } from "#shared/quality/checks.ts";
import type { Failure } from "#shared/quality/expectation.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { isStillOurs } from "./claim.ts";
import { LeaseLost } from "./lease-lost.ts";
import { organizationTables } from "./parts.ts";
import { publishedTotals } from "./published-totals.ts";
import { addDays } from "./range.ts";
import type { QualityDocument, RunDocument } from "./run.ts";
import { recordQuality } from "./run-history.ts";
import { qualityPath, runPath } from "./run-paths.ts";
import type { RunSession } from "./session.ts";

/** The longest look back of `total_change_within`. */
const longestBaselineDays = 60;

/**
 * Judges the rows that are to be published, as written, and records the outcome with its history. Answers what failed.
 * A claim after a crash finds the outcome of the claim before, and holds the same days. Source: `pipelines.md` 9.
 */
export async function judgeRun(publications: readonly DayPublication[], session: RunSession): Promise<Failure[]> {
  const { claim, ports } = session;
  if (publications.length === 0) return [];
  const { org, runId, config } = claim.run;
  const judged = digestOf(publications);
  const tables = config.outputs.map(({ table }) => table);
  const paths = tables.map((table) => qualityPath(org.key, runId, table));
  const known = (await ports.documents.getAll<QualityDocument>(paths)).map(({ body }) => body);
  if (known.every((document) => document?.judged === judged))
    return known.flatMap((document) => document?.failures ?? []);
  const results = await checkPublications(publications, {
    tables: await organizationTables(),
    written: tables,
    expectations: config.expectations,
    read: session.batches.read,
    baseline: await publishedTotals(claim, lookBack(publications), ports.documents),
    currencies: await loadMinorDigits(),
    now: ports.clock.now(),
  });
  await record(results, judged, session);
  for (const { failures } of results) {
    for (const { kind, severity } of failures) ports.metrics.count("ca_quality_failures_total", { kind, severity });
  }
  return results.flatMap(({ failures }) => failures);
}

async function record(results: readonly TableQuality[], judged: string, session: RunSession): Promise<void> {
  const { run } = session.claim;
  await commitChange(async (change) => {
    const stored = await change.get<RunDocument>(runPath(run.org.key, run.runId));
    const documents = results.map((result) => qualityDocument(result, judged, run, change.now));
    const paths = documents.map(({ table }) => qualityPath(run.org.key, run.runId, table));
    await change.getAll<QualityDocument>(paths);
    if (!isStillOurs(run, stored.body)) throw new LeaseLost();
    for (const document of documents) {
      change.set<QualityDocument>(qualityPath(run.org.key, run.runId, document.table), document);
      recordQuality(run, document, change);
    }
  }, session.ports);
}

function qualityDocument(
  { table, expectations, failures }: TableQuality,
  judged: string,
  run: RunDocument,
  now: Date,
): QualityDocument {
  const failed = new Set(failures.map(({ expectation }) => expectation)).size;
  const isHeld = failures.some(({ severity }) => severity === "error");
  return {
    resultId: `${run.runId}-${table}-${judged.slice(0, 8)}`,
    table,
    configId: `${run.pipelineId}@${run.config.version}`,
    executedAt: now.toISOString(),
    passed: expectations - failed,
    failed,
    failures,
    status: isHeld ? "FAIL" : failed > 0 ? "WARN" : "PASS",
    judged,
  };
}

function digestOf(publications: readonly DayPublication[]): string {
  const hash = createHash("sha256");
  for (const { source, day, state, parts } of publications) {
    const contents = Object.entries(parts).map(([table, part]) => `${table} ${part.hash}`);
    hash.update(`${JSON.stringify([source, day, state, ...contents.sort()])}\n`);
  }
  return hash.digest("hex");
}

function lookBack(publications: readonly DayPublication[]): { first: string; last: string } {
  const days = publications.map(({ day }) => day).sort();
  return { first: addDays(days[0] ?? "", -longestBaselineDays), last: days.at(-1) ?? "" };
}
