import type { DayOutcome, DayPublication } from "#shared/ledger/ledger.ts";
import { deltaOf, sumTotals } from "#shared/ledger/totals.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Ending } from "./finish.ts";
import { type PublishedDay, publicationsOf, publishDays } from "./publication.ts";
import { publishedTotals } from "./published-totals.ts";
import type { PreviewDay, RunDocument, RunResult, StepDocument } from "./run.ts";
import type { RunSession } from "./session.ts";
import { quarantinesOf, type RunVerdict, verdictOf } from "./verdict.ts";

/** What became of a run whose steps are over; `error` where days had to be held back. */
export interface RunOutcome {
  ending: Ending;
  error?: AppError;
}

/** Judges, publishes and accounts for the days of a run whose steps are over; a dry run only shows what would change. */
export async function concludeRun(steps: readonly StepDocument[], session: RunSession): Promise<RunOutcome> {
  const { claim, ports } = session;
  const publications = await publicationsOf(steps, session);
  const verdict = await verdictOf(publications, session);
  const base = { warnings: warningsOf(steps, verdict, claim.run), findings: steps.flatMap((step) => step.findings) };
  if (claim.run.dryRun) {
    const result = {
      ...resultOf([], publications, verdict, claim.run),
      preview: await previewOf(publications, session),
    };
    return { ending: { status: "COMPLETED", reason: "dry run", result, ...base } };
  }
  const published = await publishDays(claim, verdict.free, ports);
  const quarantines = { held: await quarantinesOf(verdict, session), settledDays: settledDays(published) };
  const result = {
    ...resultOf(published, publications, verdict, claim.run),
    repriceSuggested: repriceSuggested(steps, published),
  };
  const ending = { status: "COMPLETED" as const, reason: "all days published", result, quarantines, ...base };
  if (verdict.held.length === 0) return { ending };
  return { ending, error: quarantined(result) };
}

/** Later days whose prices count what the run has changed; none where it has changed nothing before them. */
function repriceSuggested(steps: readonly StepDocument[], published: readonly PublishedDay[]): string[] {
  const changed = published.filter(({ outcome }) => outcome === "first_publish" || outcome === "restatement");
  const [first] = changed.map(({ publication }) => publication.day).sort();
  const later = steps.flatMap(({ countedOn = [] }) => countedOn);
  return first === undefined ? [] : distinct(later).filter((day) => day > first);
}

/** Days by source that stand as this run found them. */
function settledDays(published: readonly PublishedDay[]): Record<string, string[]> {
  const settled: Record<string, string[]> = {};
  for (const { publication, outcome } of published) {
    if (outcome !== "superseded")
      settled[publication.source] = [...(settled[publication.source] ?? []), publication.day];
  }
  return settled;
}

function quarantined({ quarantinedDays, publishedDays, restatedDays, unchangedDays }: RunResult): AppError {
  const good = publishedDays.length + restatedDays.length + unchangedDays.length;
  const message = `${quarantinedDays.length} days failed their checks and are held back: ${quarantinedDays.join(", ")}; ${good} days are published.`;
  return new AppError("DATA_QUARANTINED", message);
}

function warningsOf(steps: readonly StepDocument[], { failures }: RunVerdict, run: RunDocument): string[] {
  const failed = steps.filter(({ status, error }) => status === "FAILED" || (status === "SKIPPED" && error !== null));
  const mild = failures.filter(({ severity }) => severity === "warn" || run.dryRun);
  return [
    ...steps.flatMap((step) => step.warnings),
    ...failed.map(({ stepId, error }) =>
      `The step ${stepId} failed: ${error?.code ?? ""} ${error?.message ?? ""}`.trim(),
    ),
    ...mild.map(({ expectation, table, day, observed, bound }) =>
      `${table} ${day ?? "of the run"}: ${expectation} found ${observed}, expected ${bound}`.slice(0, 500),
    ),
  ];
}

function resultOf(
  published: readonly PublishedDay[],
  publications: readonly DayPublication[],
  { held }: RunVerdict,
  run: RunDocument,
): RunResult {
  const daysOf = (outcome: DayOutcome): string[] =>
    distinct(published.filter((day) => day.outcome === outcome).map(({ publication }) => publication.day));
  const own = publications.flatMap(({ parts }) => Object.values(parts).flatMap((part) => part.batches));
  const standing = published.filter(({ outcome }) => outcome !== "superseded").map(({ publication }) => publication);
  return {
    rows: publications.reduce((sum, { rows }) => sum + rows, 0),
    batches: run.dryRun ? 0 : new Set(own.filter((batch) => batch.run === run.runId).map(({ id }) => id)).size,
    publishedDays: daysOf("first_publish"),
    unchangedDays: daysOf("unchanged"),
    restatedDays: daysOf("restatement"),
    supersededDays: daysOf("superseded"),
    heldDays: daysOf("held"),
    quarantinedDays: distinct(held.map(({ day }) => day)),
    totals: sumTotals((run.dryRun ? publications : standing).map(({ totals }) => totals)),
  };
}

function distinct(days: readonly string[]): string[] {
  return [...new Set(days)].sort();
}

/** Billed totals by day and currency, beside those that are published now; several sources of a day are one line. */
async function previewOf(publications: readonly DayPublication[], session: RunSession): Promise<PreviewDay[]> {
  const days = distinct(publications.map(({ day }) => day));
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) return [];
  const published = await publishedTotals(session.claim, { first, last }, session.ports.documents);
  return days.flatMap((day) => {
    const own = publications.filter((publication) => publication.day === day);
    const known = own.map(({ source }) => published.of(source, day)).filter((totals) => totals !== undefined);
    const [before, after] = [sumTotals(known), sumTotals(own.map(({ totals }) => totals))];
    return Object.entries(deltaOf(before, after)).map(([currency, [change]]) => ({
      day,
      currency,
      currentTotal: before[currency]?.[0] ?? null,
      newTotal: after[currency]?.[0] ?? "0",
      change,
    }));
  });
}
