import type { PublishedDay } from "#shared/ledger/current-batches.ts";
import { dayRanges } from "#shared/providers/utc-days.ts";
import { addDays, type DateRange, daysBetween, earlierDay } from "./dates.ts";

/** One stream of days: a credential, or a part of one, that a pipeline publishes. Chosen by the answer's filters. */
export interface CostSource {
  pipelineId: string;
  source: string;
  /** Registry id; null when the pipeline is in no registry any more. */
  provider: string | null;
  expectedLagDays: number;
  settlingDays: number;
}

export type TrendState = "complete" | "partial" | "empty" | "missing";

export interface SourceCompleteness {
  pipeline: string;
  source: string;
  provider: string | null;
  state: "current" | "late";
  last_published_day: string;
  expected_lag_days: number;
  /** Last day that should be there by now. */
  expected_through: string;
  missing_days: { from: string; to: string }[];
  missing_day_count: number;
}

export interface SourcesReport {
  status: "no_sources" | "partial" | "settling" | "complete";
  /** No day is missing. */
  hasAllDays: boolean;
  published_through: string | null;
  complete_through: string | null;
  ignored_sources: { pipeline: string; source: string }[];
  sources: SourceCompleteness[];
  /** Of a UTC day of the range up to today. */
  stateOf: (day: string) => TrendState;
}

interface Stream extends CostSource {
  published: ReadonlyMap<string, PublishedDay>;
  first: string;
  last: string;
  dueThrough: string;
}

/** A source this far behind says nothing about the others. */
const ignoredAfterDays = 7;

/**
 * What is there and what is owed: a source owes every day from its first published one up to today - lag; a day published
 * empty is published. `days` are all published days known of the sources, also outside the range: a source without any
 * is not judged. `today` is the UTC day of the clock. Source: costs.md 4.
 */
export function sourcesReport(
  sources: readonly CostSource[],
  days: readonly PublishedDay[],
  range: DateRange,
  today: string,
): SourcesReport {
  const streams = streamsOf(sources, days, today);
  const rangeDays = daysBetween(range.start, earlierDay(range.end, today));
  const reports = streams.map((stream) => sourceCompleteness(stream, rangeDays, today));
  const hasAllDays = reports.every((report) => report.missing_day_count === 0);
  const isBehind = (stream: Stream): boolean => stream.last < addDays(stream.dueThrough, -ignoredAfterDays);
  const lastDays = streams.filter((stream) => !isBehind(stream)).map((stream) => earlierDay(stream.last, today));
  return {
    status: statusOf({ streams, rangeDays, hasAllDays, today }),
    hasAllDays,
    published_through: lastDays.sort()[0] ?? null,
    complete_through: completeThrough(streams, rangeDays),
    ignored_sources: streams.filter(isBehind).map((stream) => ({ pipeline: stream.pipelineId, source: stream.source })),
    sources: reports,
    stateOf: (day) => trendState(streams, day),
  };
}

function streamsOf(sources: readonly CostSource[], days: readonly PublishedDay[], today: string): Stream[] {
  const bySource = new Map<string, PublishedDay[]>();
  for (const day of days) {
    const id = sourceId(day);
    const its = bySource.get(id);
    if (its === undefined) bySource.set(id, [day]);
    else its.push(day);
  }
  return sources
    .flatMap((source) => {
      const published = new Map((bySource.get(sourceId(source)) ?? []).map((day) => [day.day, day]));
      const sorted = [...published.keys()].sort();
      const [first, last] = [sorted[0], sorted.at(-1)];
      if (first === undefined || last === undefined) return [];
      return [{ ...source, published, first, last, dueThrough: addDays(today, -source.expectedLagDays) }];
    })
    .sort((a, b) => (sourceId(a) < sourceId(b) ? -1 : 1));
}

function sourceId({ pipelineId, source }: { pipelineId: string; source: string }): string {
  return JSON.stringify([pipelineId, source]);
}

function sourceCompleteness(stream: Stream, rangeDays: readonly string[], today: string): SourceCompleteness {
  const missing = rangeDays.filter((day) => isDue(stream, day) && !stream.published.has(day));
  return {
    pipeline: stream.pipelineId,
    source: stream.source,
    provider: stream.provider,
    state: stream.last >= stream.dueThrough ? "current" : "late",
    last_published_day: earlierDay(stream.last, today),
    expected_lag_days: stream.expectedLagDays,
    expected_through: stream.dueThrough,
    missing_days: dayRanges(missing).map(({ first, last }) => ({ from: first, to: last })),
    missing_day_count: missing.length,
  };
}

function statusOf(by: {
  streams: readonly Stream[];
  rangeDays: readonly string[];
  hasAllDays: boolean;
  today: string;
}): SourcesReport["status"] {
  if (by.streams.length === 0) return "no_sources";
  const isPartial = by.streams.some((stream) =>
    by.rangeDays.some((day) => stream.published.get(day)?.state === "partial"),
  );
  if (isPartial || !by.hasAllDays) return "partial";
  const last = by.rangeDays.at(-1);
  const isSettling = by.streams.some(
    (stream) => last !== undefined && last >= stream.first && last > addDays(by.today, -stream.settlingDays),
  );
  return isSettling ? "settling" : "complete";
}

/** A day that is owed but not due yet is known in part only; one that nobody owes holds nothing. */
function trendState(streams: readonly Stream[], day: string): TrendState {
  const owing = streams.filter((stream) => stream.first <= day);
  const published = owing.flatMap((stream) => stream.published.get(day) ?? []);
  if (owing.length === 0) return "empty";
  if (published.length === 0) return owing.some((stream) => isDue(stream, day)) ? "missing" : "partial";
  if (published.length < owing.length || published.some(({ state }) => state === "partial")) return "partial";
  return published.every(({ state }) => state === "empty") ? "empty" : "complete";
}

function completeThrough(streams: readonly Stream[], rangeDays: readonly string[]): string | null {
  if (streams.length === 0) return null;
  const isWhole = (day: string): boolean => streams.every((stream) => stream.first > day || stream.published.has(day));
  const gap = rangeDays.findIndex((day) => !isWhole(day));
  return (gap === -1 ? rangeDays : rangeDays.slice(0, gap)).at(-1) ?? null;
}

function isDue(stream: Stream, day: string): boolean {
  return day >= stream.first && day <= stream.dueThrough;
}
