import { contentOf } from "#shared/ledger/current-batches.ts";
import { type DayPublication, type Entry, entryKey, monthOf, type PipelineMonth } from "#shared/ledger/ledger.ts";
import { publishMonthDays } from "#shared/ledger/publish-month-days.ts";
import { sumTotals } from "#shared/ledger/totals.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { costTable } from "#shared/reprices/published-rows.ts";
import type { FrozenDay, RepriceDocument } from "#shared/reprices/reprice.ts";
import { frozenDays, repriceOf } from "#shared/reprices/reprice-store.ts";
import { isStillOurs } from "./claim.ts";
import { LeaseLost } from "./lease-lost.ts";
import type { RunOutcome } from "./outcome.ts";
import { isStanding } from "./publication.ts";
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
  /** Of `restated`, days of a closed month: what they differ by is booked in an open one. */
  heldDays: string[];
  /** Published by this repricing before its process ended. */
  done: { day: string; entry: Entry }[];
  /** Closed, and closed months were to be left. */
  isSkipped: boolean;
}

const nothing: PublishedOutcome = { restated: [], heldDays: [], done: [], isSkipped: false };

/**
 * Publishes what the steps of a repricing have written, month by month and pipeline by pipeline, each under the fence of
 * the rows that were priced. A day that says something else by now stays as it is and is named. Source:
 * `prices-and-plans.md` A8.
 */
export async function concludeReprice(steps: readonly StepDocument[], session: RunSession): Promise<RunOutcome> {
  const { run } = session.claim;
  const reprice = await repriceOf(run.org, repriceIdOf(run), session.ports.documents);
  const all = await frozenDays(run.org, reprice, session.ports.documents);
  const parts = await session.batches.parts(steps.flatMap((step) => step.parts));
  const outcomes: PublishedOutcome[] = [];
  const skipped = new Set<string>();
  for (const own of byPipeline(parts)) {
    const outcome = await publishOne(own, reprice, session);
    if (outcome.isSkipped) skipped.add(`${own.month} ${own.pipelineId}`);
    outcomes.push(outcome);
  }
  const frozen = all.filter(({ day, pipelineId }) => !skipped.has(`${monthOf(day)} ${pipelineId}`));
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

async function publishOne(
  own: RepricedPipeline,
  reprice: RepriceDocument,
  session: RunSession,
): Promise<PublishedOutcome> {
  const { run, org } = session.claim;
  const published = { id: repriceIdOf(run), priceVersion: reprice.priceBookVersion };
  const { pipelineId, month } = own;
  const { runId, fence } = run;
  const { dataset, ledgerEpoch: epoch } = org;
  const place = { org: run.org, datasetId: dataset.id, epoch, pipelineId, month, runId, fence };
  let outcome = nothing;
  const { days } = await publishMonthDays(
    { ...place, reason: "reprice" },
    ({ pipeline, head }) => {
      const isSkipped = head.state === "closed" && reprice.closedMonths === "skip";
      outcome = isSkipped ? { ...nothing, isSkipped } : outcomeOf(own, pipeline, published);
      return outcome.restated;
    },
    async (change) => {
      const [stored, found] = await change.getAll<object>([runPath(run.org.key, runId), orgPath(run.org.key)]);
      const isAlive = isStanding(found?.body as OrgDocument | undefined, org);
      if (!isStillOurs(run, stored?.body as RunDocument | undefined) || !isAlive) throw new LeaseLost();
    },
    session.ports,
  );
  const held = days.filter(({ outcome: became }) => became === "held");
  return { ...outcome, heldDays: held.map(({ publication }) => publication.day) };
}

/** What there is to publish in a month as it is stored: days that still say what was priced. */
function outcomeOf(
  own: RepricedPipeline,
  pipeline: PipelineMonth,
  reprice: NonNullable<DayPublication["reprice"]>,
): PublishedOutcome {
  const outcome: PublishedOutcome = { ...nothing, restated: [], done: [] };
  for (const { source, day, parts } of daysOf(own.parts)) {
    const key = entryKey(source, day);
    const entry = pipeline.held?.[key] ?? pipeline.entries[key];
    if (entry === undefined) continue;
    if (entry.reprice === reprice.id) outcome.done.push({ day, entry });
    else if (contentOf(entry.h) === parts[0]?.repriced?.days[day]?.content)
      outcome.restated.push({ ...repricedDay({ source, day, parts }, entry, pipeline), reprice });
  }
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
  const heldDays = outcomes.flatMap((own) => own.heldDays);
  return {
    rows: [...restated.map(({ rows }) => rows), ...done.map(({ entry }) => entry.r)].reduce(
      (sum, rows) => sum + rows,
      0,
    ),
    batches: parts.length,
    publishedDays: [],
    unchangedDays: [],
    restatedDays: [...standing].filter((day) => !heldDays.includes(day)).sort(),
    supersededDays:
      published === frozen.length
        ? []
        : [...new Set(frozen.map(({ day }) => day))].filter((day) => !standing.has(day)).sort(),
    heldDays: [...new Set(heldDays)].sort(),
    quarantinedDays: [],
    totals: sumTotals([...restated.map(({ totals }) => totals), ...done.map(({ entry }) => entry.t)]),
  };
}
