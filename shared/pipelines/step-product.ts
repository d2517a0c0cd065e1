import type { DayPricing } from "#shared/ledger/ledger.ts";
import type { Finding, Row } from "#shared/providers/provider.ts";
import type { DayRange } from "./range.ts";
import type { SourceDays, StepDocument, StoredDays } from "./run.ts";

/** What a step has found and written. */
export interface StepProduct {
  sources: SourceDays;
  /** Batch ids. */
  parts: string[];
  rowCount: number;
  warnings: string[];
  findings: Finding[];
  /** Fence by day where the step was handed on. */
  dayFences: Record<string, number>;
  /** By day. */
  pricing?: Record<string, DayPricing>;
  /** Of pricing: published days behind the run's whose prices count what its days use. */
  countedOn?: string[];
  /** Of steps of the platform: UTC days they have stored, and those that stood like this before. */
  stored?: StoredDays;
  /** Rows by table as this process holds them; absent where they were too many to hold. */
  rows?: Record<string, readonly Row[]>;
  /** The days the run turned out to cover, where a file decides. */
  range?: DayRange;
  /** Where the step goes on; absent: it is done. */
  next?: unknown;
}

/** What the step has found and written up to its checkpoint; nothing before its first one. */
export function progressOf(step: StepDocument | undefined): StepProduct {
  if (step === undefined || step.checkpoint === null) return nothing();
  const { sources, parts, rows, warnings, findings, dayFences, pricing, checkpoint } = step;
  const known = { sources, parts, rowCount: rows, warnings, findings, dayFences, next: checkpoint };
  return pricing === undefined ? known : { ...known, pricing };
}

function nothing(): StepProduct {
  return { sources: {}, parts: [], rowCount: 0, warnings: [], findings: [], dayFences: {} };
}

/** Adds a slice of a long step to what it had; days of a slice are never answered again. */
export function joined(before: StepProduct, slice: StepProduct, fence: number): StepProduct {
  if (before.parts.length === 0 && before.next === undefined && slice.next === undefined) return slice;
  const days = Object.values(slice.sources).flatMap((own) => Object.keys(own));
  const sources = { ...before.sources };
  for (const [source, own] of Object.entries(slice.sources)) sources[source] = { ...sources[source], ...own };
  return {
    sources,
    parts: [...before.parts, ...slice.parts],
    rowCount: before.rowCount + slice.rowCount,
    warnings: [...before.warnings, ...slice.warnings],
    findings: joinedFindings(before.findings, slice.findings),
    dayFences: { ...before.dayFences, ...Object.fromEntries(days.map((day) => [day, fence])) },
    ...(before.pricing || slice.pricing ? { pricing: { ...before.pricing, ...slice.pricing } } : {}),
    ...(slice.countedOn === undefined ? {} : { countedOn: slice.countedOn }),
    ...(slice.range === undefined ? {} : { range: slice.range }),
    ...(slice.next === undefined ? {} : { next: slice.next }),
  };
}

/** One per code and path. */
function joinedFindings(before: readonly Finding[], slice: readonly Finding[]): Finding[] {
  const found = new Map(before.map((finding) => [`${finding.code} ${finding.path}`, finding]));
  for (const finding of slice) {
    const key = `${finding.code} ${finding.path}`;
    const known = found.get(key);
    found.set(key, known === undefined ? finding : { ...known, count: known.count + finding.count });
  }
  return [...found.values()];
}
