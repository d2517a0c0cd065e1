import { contentOf, headPath, pipelineMonthPath } from "#shared/ledger/current-batches.ts";
import {
  type DayPublication,
  type Entry,
  entryKey,
  type MonthHead,
  monthOf,
  type PipelineMonth,
} from "#shared/ledger/ledger.ts";
import { publishMonth } from "#shared/ledger/publish.ts";
import { sumTotals } from "#shared/ledger/totals.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { costTable } from "#shared/reprices/published-rows.ts";
import type { FrozenDay } from "#shared/reprices/reprice.ts";
import { frozenDays, repriceOf } from "#shared/reprices/reprice-store.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import { isStillOurs } from "./claim.ts";
import { LeaseLost } from "./lease-lost.ts";
import type { RunOutcome } from "./outcome.ts";
import { repriceIdOf } from "./reprice-step.ts";
import type { PartDocument, RunDocument, RunResult, StepDocument } from "./run.ts";
import { runPath } from "./run-paths.ts";
import type { RunSession } from "./session.ts";

/** The days of one pipeline and month, by source and day with their parts. */
interface RepricedPipeline {
  pipelineId: string;
  month: string;
  parts: readonly PartDocument[];
}

interface PublishedOutcome {
  restated: DayPublication[];
  /** Published by this repricing before its process ended. */
  done: { day: string; entry: Entry }[];
}

/**
 * Publishes what the steps of a repricing have written, month by month and pipeline by pipeline, each under the fence of
 * the rows that were priced. A day that says something else by now stays as it is and is named. Source:
 * `prices-and-plans.md` A8.
 */
export async function concludeReprice(steps: readonly StepDocument[], session: RunSession): Promise<RunOutcome> {
  const { run } = session.claim;
  const reprice = await repriceOf(run.org, repriceIdOf(run), session.ports.documents);
  const frozen = await frozenDays(run.org, reprice, session.ports.documents);
  const parts = await session.batches.parts(steps.flatMap((step) => step.parts));
  const outcomes: PublishedOutcome[] = [];
  for (const own of byPipeline(parts)) outcomes.push(await publishOne(own, reprice.priceBookVersion, session));
  const result = resultOf(outcomes, frozen, parts);
  const left = result.supersededDays;
  const warnings =
    left.length === 0
      ? []
      : [`Published anew since the preview and left as they are: ${left.join(", ")}`.slice(0, 500)];
  return { ending: { status: "COMPLETED", reason: "all days repriced", result, warnings } };
}

function byPipeline(parts: readonly PartDocument[]): RepricedPipeline[] {
  const found = new Map<string, RepricedPipeline>();
  for (const part of parts) {
    const pipelineId = part.repriced?.pipelineId ?? "";
    // A step writes month by month: the days of a part lie in one.
    const month = monthOf(Object.keys(part.days)[0] ?? "");
    const key = `${month} ${pipelineId}`;
    const known = found.get(key) ?? { pipelineId, month, parts: [] };
    found.set(key, { ...known, parts: [...known.parts, part] });
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, own]) => own);
}

function publishOne(own: RepricedPipeline, priceVersion: string, session: RunSession): Promise<PublishedOutcome> {
  const { claim, ports } = session;
  const { run } = claim;
  return commitChange(async (change) => {
    const [stored, org, head, pipeline] = await change.getAll<object>([
      runPath(run.org.key, run.runId),
      orgPath(run.org.key),
      headPath(run.org, own.month),
      pipelineMonthPath(run.org, own.month, own.pipelineId),
    ]);
    const orgBody = org?.body as OrgDocument | undefined;
    const isAlive = orgBody?.state === "ACTIVE" && orgBody.orgId === run.org.orgId;
    if (!isStillOurs(run, stored?.body as RunDocument | undefined) || !isAlive) throw new LeaseLost();
    const documents = {
      head: head?.body as MonthHead | undefined,
      pipeline: pipeline?.body as PipelineMonth | undefined,
    };
    if (documents.pipeline?.epoch !== orgBody.ledgerEpoch) return { restated: [], done: [] };
    return publishInto(
      { ...own, priceVersion },
      { ...documents, pipeline: documents.pipeline },
      { run, org: orgBody },
      change,
    );
  }, ports);
}

function publishInto(
  own: RepricedPipeline & { priceVersion: string },
  stored: { head: MonthHead | undefined; pipeline: PipelineMonth },
  { run, org }: { run: RunDocument; org: OrgDocument },
  change: Change,
): PublishedOutcome {
  const reprice = { id: repriceIdOf(run), priceVersion: own.priceVersion };
  const outcome: PublishedOutcome = { restated: [], done: [] };
  for (const { source, day, parts } of daysOf(own.parts)) {
    const entry = stored.pipeline.entries[entryKey(source, day)];
    if (entry === undefined) continue;
    if (entry.reprice === reprice.id) outcome.done.push({ day, entry });
    else if (contentOf(entry.h) === parts[0]?.repriced?.days[day]?.content)
      outcome.restated.push({ ...repricedDay({ source, day, parts }, entry, stored.pipeline), reprice });
  }
  if (outcome.restated.length === 0) return outcome;
  const { pipelineId, month } = own;
  const { runId, fence } = run;
  const place = { org: run.org, datasetId: org.dataset.id, epoch: org.ledgerEpoch, pipelineId, month, runId, fence };
  publishMonth({ ...place, reason: "reprice" }, stored, outcome.restated, change);
  return outcome;
}

interface PartsOfDay {
  source: string;
  day: string;
  parts: readonly PartDocument[];
}

function daysOf(parts: readonly PartDocument[]): PartsOfDay[] {
  const found = new Map<string, PartsOfDay>();
  for (const part of parts)
    for (const day of Object.keys(part.days)) {
      const key = `${part.source} ${day}`;
      const known = found.get(key) ?? { source: part.source, day, parts: [] };
      found.set(key, { ...known, parts: [...known.parts, part] });
    }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, own]) => own);
}

/** The whole day: the tables that were priced, and all others with the batches that hold them. */
function repricedDay({ source, day, parts }: PartsOfDay, entry: Entry, pipeline: PipelineMonth): DayPublication {
  const facts = parts[0]?.repriced?.days[day];
  const refs = entry.b.flatMap((number) => pipeline.batches[number] ?? []);
  const standing = Object.entries(entry.h).map(([table, hash]) => {
    const batches = refs.filter((batch) => batch.table === table);
    return [table, { batches, hash, rows: facts?.standing[table] ?? 0 }] as const;
  });
  const priced = parts.map(({ batchId, table, rows, pulledAt, days }) => {
    const batch = { id: batchId, table, rows, run: batchId.slice(0, batchId.indexOf("-")), pulledAt };
    return [table, { batches: [batch], hash: days[day]?.hash ?? "", rows: days[day]?.rows ?? 0 }] as const;
  });
  const costs = parts.find(({ table }) => table === costTable)?.days[day];
  return {
    source,
    day,
    state: entry.s === "empty" && (costs?.rows ?? 0) > 0 ? "complete" : entry.s,
    pulledFence: entry.f,
    rows: costs?.rows ?? entry.r,
    totals: costs?.totals ?? entry.t,
    parts: Object.fromEntries([...standing, ...priced]),
    pricing: facts?.pricing ?? {},
  };
}

function resultOf(
  outcomes: readonly PublishedOutcome[],
  frozen: readonly FrozenDay[],
  parts: readonly PartDocument[],
): RunResult {
  const restated = outcomes.flatMap((own) => own.restated);
  const done = outcomes.flatMap((own) => own.done);
  const published = restated.length + done.length;
  const days = [...restated, ...done].map(({ day }) => day);
  const standing = new Set(days);
  return {
    rows: [...restated.map(({ rows }) => rows), ...done.map(({ entry }) => entry.r)].reduce(
      (sum, rows) => sum + rows,
      0,
    ),
    batches: parts.length,
    publishedDays: [],
    unchangedDays: [],
    restatedDays: [...standing].sort(),
    supersededDays:
      published === frozen.length
        ? []
        : [...new Set(frozen.map(({ day }) => day))].filter((day) => !standing.has(day)).sort(),
    heldDays: [],
    quarantinedDays: [],
    totals: sumTotals([...restated.map(({ totals }) => totals), ...done.map(({ entry }) => entry.t)]),
  };
}
